/** FVD and MMD by a feature model that the person gives to the page: as the command line has them, and refusals told. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page, test } from '@playwright/test';
import { buildModel } from '../src/onnx/testing/buildModel';
import { writeModel } from '../src/onnx/writeModel';
import { bothDone, cell, counters, watchErrors } from './studioPage';
import { openTiny, tinyModel } from './tinyModel';

const run = promisify(execFile);
const steps = 8;

/** Means over what is left of a clip's, or a picture's, dimensions. */
const means = (shape: readonly (number | string)[], axes: readonly number[]) =>
  writeModel(
    buildModel((b) => {
      const clip = b.input('clip', shape);
      b.op('ReduceMean', [clip], { axes, keepdims: 0 }, { name: '/mean', outputs: ['features'] });
      b.output('features', [1, 3]);
    }),
  );
const colours = means([1, 't', 3, 'h', 'w'], [1, 3, 4]);
const ofPictures = means([1, 3, 'h', 'w'], [2, 3]);

const give = (page: Page, name: string, bytes: Uint8Array) =>
  page
    .getByTestId('features-input')
    .setInputFiles({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) });

test('a feature model compares the batch’s clips as the command line does, and refuses FVD of few', async ({
  page,
}, testInfo) => {
  const errors = watchErrors(page);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  await page.goto(`./#seed=1&steps=${steps}&guidance=1`);
  await openTiny(page);
  await cell(page, 'blocks.1').click();
  await bothDone(page);
  await page.getByTestId('tab-grid').click();
  await page.getByTestId('grid-prompts').fill('a');
  const seeds = page.getByTestId('grid-seeds');
  await seeds.fill('4');
  await seeds.press('Enter');

  // a model of other inputs is told, by name
  await give(page, 'pictures.onnx', ofPictures);
  await page.getByTestId('features-start').click();
  await expect(page.getByTestId('error-panel')).toHaveAttribute('data-error-code', 'metrics/feature-model');
  await expect(page.getByTestId('error-message')).toContainText('pictures.onnx');
  await page.getByTestId('error-dismiss').click();

  await give(page, 'colours.onnx', colours);
  await page.getByTestId('features-range').selectOption('0..1');
  await page.getByTestId('features-start').click();
  const found = page.getByTestId('features-found');
  await expect(found).toContainText('colours.onnx');
  await expect(found).toContainText('4 clips of each side');
  await expect(page.getByTestId('features-fvd')).toHaveText('refused');
  await expect(page.getByTestId('features-refused')).toContainText(
    'FVD needs at least 256 clips of each side; there are 4.',
  );
  const mmd = Number(await page.getByTestId('features-mmd').getAttribute('data-value'));
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);

  const [model, features] = [testInfo.outputPath('tiny.onnx'), testInfo.outputPath('colours.onnx')];
  await writeFile(model, tinyModel);
  await writeFile(features, colours);
  const cut = ['--drop', 'blocks.1', '--prompt', 'a', '--seed', '1', '--seeds', '4', '--display', 'none'];
  const settings = ['--steps', String(steps), '--guidance', '1', '--features', features, '--feature-range', '0..1'];
  const { stdout } = await run('npx', ['tsx', 'src/cli/main.ts', 'compare', model, ...cut, ...settings, '--json']);
  const told = JSON.parse(stdout) as { features: { pairs: readonly { mmd: { value: number } }[] } };
  expect(mmd / told.features.pairs[0]!.mmd.value).toBeCloseTo(1, 3);

  // it belongs to these takes: others have none, and in the CSV it stands with them
  await page.getByTestId('grid-start').click();
  await expect(page.getByTestId('grid-take')).toHaveCount(4);
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByTestId('grid-csv').click()]);
  const csv = await readFile(await saved.path(), 'utf8');
  expect(csv).toContain(`deviation, count and size of subsets),${mmd},`);
  expect(csv).toContain('# fvd of "student","FVD needs at least 256 clips');
  await seeds.fill('64');
  await seeds.press('Enter');
  await expect(found).toHaveCount(0);

  // stopped within a call
  await page.getByTestId('features-start').click();
  await expect(page.getByTestId('features-progress')).toHaveText(/^[1-9]\d* of 64$/);
  await page.getByTestId('features-stop').click();
  const stopped = (await counters(page)).denoiserRuns;
  await page.waitForTimeout(500);
  expect((await counters(page)).denoiserRuns - stopped).toBeLessThanOrEqual(1);
  await expect(page.getByTestId('features-start')).toBeEnabled();
  expect(errors).toEqual([]);
});
