/** Importance and plans in the page, on a model whose three blocks can be measured in seconds. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@playwright/test';
import type { UnitImportance } from '../src/studio/importance';
import { bothDone, cell, settledRuns, watchErrors } from './studioPage';
import { openTiny, tinyModel } from './tinyModel';

test('importance is measured, shown on the map, kept over a reload; a plan for a budget is found and loaded', async ({
  page,
}) => {
  const errors = watchErrors(page);
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  await page.goto('./#seed=1&steps=4&guidance=1');
  await openTiny(page);
  const runs = async () => (await page.evaluate(() => window.__vdmini!.counters())).denoiserRuns;

  await page.getByTestId('tab-importance').click();
  const before = await runs();
  await page.getByTestId('analyze-start').click();
  const chart = page.getByTestId('damage-chart');
  await expect(chart).toHaveAttribute('data-units', '3');
  await expect(page.getByTestId('analyze-start')).toBeVisible();
  expect((await runs()) - before).toBe(4 + 3 * 4); // the teacher's run once, then each unit on its four states
  await expect(page.getByTestId('claim')).toHaveAttribute('data-verdict', 'none'); // three blocks are too few
  await page.getByTestId('fill-motion').click();
  await expect(page.getByTestId('legend-fill')).toContainText(/full: [\d.]/);
  await expect(page.getByTestId('quantity')).toContainText('Damage to content');

  await page.reload();
  await openTiny(page);
  await page.getByTestId('tab-importance').click();
  await expect(chart).toHaveAttribute('data-units', '3');

  await page.getByTestId('tab-plan').click();
  const plans = await runs();
  await page.getByTestId('plan-start').click();
  await expect(page.getByTestId('plan-status')).toContainText('Found after');
  expect((await runs()) - plans).toBeGreaterThan(0);
  const damage = async (testId: string) =>
    page.getByTestId(testId).evaluateAll((rows) => rows.map((row) => Number((row as HTMLElement).dataset['damage'])));
  const [found] = await damage('plan-found');
  for (const other of await damage('plan-baseline')) expect(found).toBeLessThanOrEqual(other + 1e-12);
  // the gentlest is the first ready-made cut; under the pointer a plan shows on the map, a click loads it
  const presets = page.locator('[data-testid^="preset-"]');
  await expect(presets.first()).toHaveAttribute('data-testid', 'preset-measured-here');
  const tried = page.locator('[data-block-id][data-tried]');
  await page.getByTestId('front-plan').last().hover();
  await expect(tried).not.toHaveCount(0);
  await page.mouse.move(0, 0);
  await expect(tried).toHaveCount(0);
  await page.getByTestId('front-plan').last().click();
  await expect(page.locator('[data-block-id][data-state=off]')).not.toHaveCount(0);
  await page.getByTestId('undo').click();
  await page.getByTestId('plan-found').getByRole('button').click();
  await page.getByTestId('tab-compare').click();
  await bothDone(page);
  const off = await page.locator('[data-block-id][data-state=off]').count();
  expect(off).toBeGreaterThan(0);
  await page.getByTestId('undo').click();
  await expect(cell(page, 'blocks.1')).toHaveAttribute('data-state', 'on');
  expect(errors).toEqual([]);
});

test('what the page measures is what `vdmini analyze` writes', async ({ page }) => {
  const folder = await mkdtemp(join(tmpdir(), 'analyzed-'));
  try {
    await writeFile(join(folder, 'tiny.onnx'), tinyModel);
    const out = join(folder, 'importance.json');
    const line = ['analyze', join(folder, 'tiny.onnx'), '--steps', '4', '--guidance', '1', '--final', '--out', out];
    await promisify(execFile)(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...line]);
    const written = JSON.parse(await readFile(out, 'utf8')) as { readonly units: readonly UnitImportance[] };
    await page.route('**/models/emoji-t2v/**', (route) => route.abort());
    await page.goto('./#prompt=&seed=1&steps=4&guidance=1');
    await openTiny(page);
    await page.getByTestId('tab-importance').click();
    await page.getByTestId('with-final').check();
    await page.getByTestId('analyze-start').click();
    await expect(page.getByTestId('shown-error')).toBeVisible();
    await expect(page.getByTestId('analyze-start')).toHaveText('All measured');
    const kept = await page.evaluate(() => localStorage.getItem('vdmini-studio/measured'));
    const [{ units }] = JSON.parse(kept!) as readonly [{ readonly units: readonly UnitImportance[] }];
    expect(written.units).toHaveLength(3);
    for (const one of written.units) {
      const here = units.find(({ id }) => id === one.id)!;
      const pairs = (['output', 'final'] as const).flatMap((key) =>
        (['content', 'motion', 'total'] as const).map((part) => [one[key]![part], here[key]![part]] as const),
      );
      for (const [there, inPage] of pairs) expect(Math.abs(inPage - there)).toBeLessThan(1e-4 * there);
      expect(here.influence![0]).toBeCloseTo(one.influence![0]!, 5);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('measuring gives way to what a person waits for, pauses, and stops', async ({ page }) => {
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  await page.goto('./#seed=1&steps=200&guidance=1');
  await openTiny(page);
  await page.getByTestId('tab-importance').click();
  await page.getByTestId('analyze-start').click();
  await page.getByTestId('analyze-pause').click();
  const runs = async () => (await page.evaluate(() => window.__vdmini!.counters())).denoiserRuns;
  const paused = await settledRuns(page); // the call that runs ends
  await cell(page, 'blocks.1').click(); // while it waits, a student is sampled
  await page.getByTestId('tab-compare').click();
  await bothDone(page);
  expect(await runs()).toBe(paused + 200);
  await page.getByTestId('tab-importance').click();
  await page.getByTestId('analyze-pause').click();
  await expect.poll(runs, { intervals: [20] }).toBeGreaterThan(paused + 200);
  await page.getByTestId('analyze-stop').click();
  await expect(page.getByTestId('analyze-start')).toBeVisible();
  const stopped = await settledRuns(page); // the call that runs ends
  await page.waitForTimeout(500);
  expect(await runs()).toBe(stopped);
});

test('the time of a step is measured in turns after a run, with its spread, and never below five pairs', async ({
  page,
}) => {
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  await page.goto('./#seed=1&steps=4&guidance=1');
  await openTiny(page);
  await bothDone(page);
  const share = page.getByTestId('total-step-time-share');
  await expect(share).toHaveText('–'); // nothing is dropped: nothing to compare
  const { denoiserRuns } = await page.evaluate(() => window.__vdmini!.counters());
  await cell(page, 'blocks.1').click();
  await bothDone(page);
  await expect(share).toHaveAttribute('data-spread', /%\sto\s/);
  expect(await share.textContent()).toMatch(/± \d/);
  expect((await page.evaluate(() => window.__vdmini!.counters())).denoiserRuns).toBe(denoiserRuns + 4); // timing is no run of a clip
  await page.getByTestId('undo').click();
  await expect(share).toHaveText('–');
});
