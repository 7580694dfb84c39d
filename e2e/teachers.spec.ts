/**
 * The bundled teachers, and image to video, on the built page: opened, sampled, blocks switched off, exported; a clip's
 * figures are the command line's within 2 %.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, type Page, test } from '@playwright/test';
import { unpackPipeline } from '../fixtures/pipelines/unpackPipeline';
import teachers from '../src/cli/fixtures/teachers.json' with { type: 'json' };
import { readModel } from '../src/onnx/readModel';
import { bothDone, cell, clipHash, metric, watchErrors } from './studioPage';

const run = promisify(execFile);

interface Compared {
  readonly comparison: {
    readonly meanSquaredError: number;
    readonly content: { readonly ssimPerFrame: readonly number[]; readonly errorContent: number };
    readonly motion: { readonly errorMotion: number; readonly motionDelta: number };
  };
}

/** The page's figures against `vdmini compare` of the same clip. */
async function equalToCommandLine(page: Page, args: readonly string[]): Promise<void> {
  const { stdout } = await run('npx', ['tsx', 'src/cli/main.ts', 'compare', ...args, '--json'], { maxBuffer: 1 << 26 });
  const { meanSquaredError, content, motion } = (JSON.parse(stdout) as Compared).comparison;
  const ssim = content.ssimPerFrame.reduce((sum, value) => sum + value, 0) / content.ssimPerFrame.length;
  const expected = {
    psnr: 10 * Math.log10(255 ** 2 / meanSquaredError),
    ssim,
    'error-content': content.errorContent,
    'error-motion': motion.errorMotion,
    'motion-delta': motion.motionDelta,
  };
  for (const [id, value] of Object.entries(expected))
    expect(
      Math.abs((await metric(page, id)) / value - 1),
      `${id}: ${await metric(page, id)} against ${value}`,
    ).toBeLessThan(0.02);
}

test('emoji-hy, a video transformer: opens, is sampled and cut as on the command line, and exported', async ({
  page,
}) => {
  const errors = watchErrors(page);
  const prompt = 'a panda spins on a green background';
  const dropped = 'single_transformer_blocks.3';
  await page.goto(`./#model=emoji-hy&prompt=${encodeURIComponent(prompt)}&seed=5&steps=2&guidance=2&plan=${dropped}`);
  await bothDone(page);
  await expect(page.getByTestId('block-map')).toContainText('4 blocks, two streams');
  await expect(page.getByTestId('block-map')).toContainText('8 blocks, one stream');
  await expect(cell(page, dropped)).toHaveAttribute('data-state', 'off');
  await equalToCommandLine(page, [
    ...[
      'public/models/emoji-hy',
      '--prompt',
      prompt,
      '--seed',
      '5',
      '--steps',
      '2',
      '--guidance',
      '2',
      '--drop',
      dropped,
    ],
  ]);
  await page.getByTestId('export-open').click();
  await page.getByTestId('export-run').click();
  await expect(page.getByTestId('export-result')).toContainText('Verified', { timeout: 120_000 });
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('export-download').click()]);
  const weights = [...readModel(await readFile(await file.path())).graph.initializers.keys()].join(' ');
  expect(weights).toContain('single_transformer_blocks.2.');
  expect(weights).not.toContain('single_transformer_blocks.3.');
  expect(errors).toEqual([]);
});

test('emoji-t2v, text to video in four steps: without a block its figures are the command line’s', async ({ page }) => {
  const errors = watchErrors(page);
  const prompt = 'a panda spins on a green background';
  const dropped = 'up_blocks.1.resnets.0';
  await page.goto(`./#model=emoji-t2v&prompt=${encodeURIComponent(prompt)}&seed=5&steps=4&plan=${dropped}`);
  await bothDone(page);
  await expect(cell(page, dropped)).toHaveAttribute('data-state', 'off');
  const settings = ['--prompt', prompt, '--seed', '5', '--steps', '4', '--guidance', '1', '--drop', dropped];
  await equalToCommandLine(page, ['public/models/emoji-t2v', ...settings]);
  expect(errors).toEqual([]);
});

test('emoji-i2v, image to video: a bundled picture begins it, VDMini’s cut leaves what PyTorch counts, as on the command line', async ({
  page,
  context,
}) => {
  const errors = watchErrors(page);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto('./#model=emoji-i2v&seed=3');
  await expect(page.getByTestId('picture')).toHaveAttribute('data-key', /^[0-9a-f]{64}$/, { timeout: 60_000 });
  await bothDone(page);
  const first = await clipHash(page, 'teacher');
  await expect(page.locator('.picture-example')).toHaveCount(6);
  await page.getByTestId('picture-2').click();
  await bothDone(page);
  expect(await clipHash(page, 'teacher')).not.toBe(first);

  // the picture is in the link and in the command
  await expect(page).toHaveURL(/&picture=pictures%2Fred-apple\.png/);
  const chosen = (await page.getByTestId('picture').getAttribute('data-key'))!;
  await page.getByTestId('copy-command').click();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  expect(command).toContain('--image public/models/emoji-i2v/pictures/red-apple.png');
  await page.reload();
  await expect(page.getByTestId('picture')).toHaveAttribute('data-key', chosen);
  await bothDone(page);

  await page.getByTestId('preset-vdmini').click();
  await bothDone(page);
  const total = (side: string) => page.getByTestId(`total-parameters-${side}`).getAttribute('data-value');
  expect(Number(await total('teacher'))).toBe(teachers.parameters.all);
  expect(Number(await total('student'))).toBe(teachers.parameters.withoutCut);
  const picture = 'public/models/emoji-i2v/pictures/red-apple.png';
  const settings = ['--seed', '3', '--steps', '1', '--guidance', '1'];
  await equalToCommandLine(page, ['public/models/emoji-i2v', '--image', picture, '--preset', 'vdmini', ...settings]);

  await page.getByTestId('export-open').click();
  await page.getByTestId('export-run').click();
  await expect(page.getByTestId('export-result')).toContainText('Verified', { timeout: 120_000 });
  expect(errors).toEqual([]);
});

test('a Stable Video Diffusion: its picture is chosen, pasted and dropped, cropped to the model, and begins the clip', async ({
  page,
}) => {
  const errors = watchErrors(page);
  const folder = join(await mkdtemp(join(tmpdir(), 'tiny-svd-')), 'tiny-svd');
  await unpackPipeline('tiny-svd', async (path, bytes) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  });
  const picture = join(folder, 'picture.png');
  await page.goto('./');
  await page.getByTestId('open-model').click();
  await page.getByTestId('folder-input').setInputFiles(folder);
  await expect(page.getByTestId('picture-well')).toBeVisible({ timeout: 120_000 });
  await page.getByTestId('picture-input').setInputFiles(picture);
  const shown = page.getByTestId('picture');
  await expect(shown).toHaveAttribute('data-key', /^[0-9a-f]{64}$/);
  expect([await shown.getAttribute('width'), await shown.getAttribute('height')]).toEqual(['32', '32']);
  await bothDone(page);
  const chosen = { key: await shown.getAttribute('data-key'), clip: await clipHash(page, 'teacher') };

  await page.getByTestId('preset-vdmini').click();
  await bothDone(page);
  const settings = ['--seed', '1', '--steps', '3', '--guidance', '1'];
  await equalToCommandLine(page, [folder, '--image', picture, '--preset', 'vdmini', ...settings]);

  // Another picture, twice as wide as high and red in its middle square: pasted, it is cropped to that square.
  const given = async (how: 'paste' | 'drop', colour: string) =>
    page.evaluate(
      async ({ how, colour }) => {
        const canvas = new OffscreenCanvas(64, 32);
        const context = canvas.getContext('2d')!;
        context.fillStyle = 'blue';
        context.fillRect(0, 0, 64, 32);
        context.fillStyle = colour;
        context.fillRect(16, 0, 32, 32);
        const data = new DataTransfer();
        data.items.add(
          new File([await canvas.convertToBlob({ type: 'image/png' })], 'wide.png', { type: 'image/png' }),
        );
        const well = document.querySelector('[data-testid=picture-well]')!;
        if (how === 'paste') window.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data }));
        else well.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
      },
      { how, colour },
    );
  const corner = () =>
    shown.evaluate((canvas: HTMLCanvasElement) => [
      ...canvas.getContext('2d')!.getImageData(1, 1, 1, 1).data.slice(0, 3),
    ]);
  await given('paste', 'red');
  await expect.poll(corner).toEqual([255, 0, 0]);
  await given('drop', 'lime');
  await expect.poll(corner).toEqual([0, 255, 0]);
  expect(await shown.getAttribute('data-key')).not.toBe(chosen.key);
  await bothDone(page);
  expect(await clipHash(page, 'teacher')).not.toBe(chosen.clip);
  expect(errors).toEqual([]);
});
