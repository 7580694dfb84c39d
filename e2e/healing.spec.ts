/** Healing in the page, on a model that learns in seconds: kept over reloads, gone on with, put on, pruned further, undone. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { chromium, expect, type Page, test } from '@playwright/test';
import { unzipSync } from 'fflate';
import { nodeFolder } from '../src/library/nodeFolder';
import { nodeRuntime } from '../src/runtime/nodeRuntime';
import { openPipeline } from '../src/studio/openPipeline';
import { TEACHER } from '../src/studio/Variant';
import { ensureChromium } from './chromium';
import { bothDone, cell, clip, clipHash, engineWorker, visit, watchErrors } from './studioPage';
import { openTiny } from './tinyModel';

/** Without the bundled model, and with the tab Heal in front. */
async function visitTiny(page: Page): Promise<void> {
  await page.route('**/models/emoji-*/**', (route) => route.abort());
  await page.addInitScript(() => {
    if (localStorage.getItem('vdmini-studio/1') === null)
      localStorage.setItem('vdmini-studio/1', JSON.stringify({ backend: 'wasm' }));
  });
  await page.goto('./#seed=1&steps=4&guidance=1');
  await openTiny(page);
  await page.getByTestId('tab-heal').click();
}

async function choose(page: Page, values: Readonly<Record<string, number>>): Promise<void> {
  await page.getByTestId('heal-limit').locator('[data-value=steps]').click();
  await page.getByText('More settings').click();
  for (const [id, value] of Object.entries(values)) {
    await page.getByTestId(`heal-${id}`).fill(String(value));
    await page.getByTestId(`heal-${id}`).press('Enter');
  }
}

/** As `bothDone`, with the tab Heal in front instead of the figures. */
async function clipsDone(page: Page): Promise<void> {
  for (const side of ['teacher', 'student'] as const)
    await expect(page.getByTestId(`${side}-standing`)).toHaveAttribute('data-standing', 'done', { timeout: 180_000 });
}

const healStep = async (page: Page): Promise<number> =>
  Number(/[Ss]tep (\d+)/.exec((await page.getByTestId('heal-standing').textContent()) ?? '')?.[1] ?? 0);

const stored = (page: Page) => page.evaluate(() => window.__vdmini!.stored());

test('a student is healed: interrupted by a reload it goes on to the same weights, is put on, pruned further, undone, deleted', async ({
  page,
}) => {
  const errors = watchErrors(page);
  await visitTiny(page);
  await expect(page.getByTestId('heal-standing')).toContainText('Nothing is dropped');
  await expect(page.getByTestId('heal-start')).toBeDisabled();
  await cell(page, 'blocks.1').click();
  await clipsDone(page);
  const unhealed = await clipHash(page, 'student');
  await choose(page, { steps: 250, rate: 0.008 });

  // the whole run, without a break
  await page.getByTestId('heal-start').click();
  await expect(page.getByTestId('heal-clip-step')).toBeVisible();
  await expect(page.getByTestId('heal-outcome')).toHaveAttribute('data-gained', 'true');
  await expect.poll(() => clipHash(page, 'student')).not.toBe(unhealed);
  await clipsDone(page);
  const healed = await clipHash(page, 'student');
  const [first] = (await stored(page)).students;
  expect(first!.summary.best.total).toBeLessThan(0.667 * first!.summary.before.total);

  // undo takes the weights off, redo puts them on
  await page.getByTestId('undo').click();
  await clipsDone(page);
  await expect.poll(() => clipHash(page, 'student')).toBe(unhealed);
  await page.getByTestId('redo').click();
  await clipsDone(page);
  await expect.poll(() => clipHash(page, 'student')).toBe(healed);

  // deleted and healed again with a reload in the middle: the same weights, bit by bit
  await page.getByTestId('student-delete').click();
  await page.getByTestId('student-delete').click();
  await clipsDone(page);
  await expect.poll(() => clipHash(page, 'student')).toBe(unhealed);
  await page.getByTestId('heal-start').click();
  await expect.poll(() => healStep(page), { intervals: [30] }).toBeGreaterThan(12);
  await page.getByTestId('heal-pause').click();
  await expect(page.getByTestId('heal-standing')).toContainText('and kept');
  await page.reload();
  await openTiny(page);
  await page.getByTestId('tab-heal').click();
  await expect(page.getByTestId('heal-interrupted')).toContainText(/interrupted at step \d+ of 250/);
  await page.getByTestId('heal-resume').click();
  await expect(page.getByTestId('heal-outcome')).toHaveAttribute('data-gained', 'true');
  await clipsDone(page);
  await expect.poll(() => clipHash(page, 'student')).toBe(healed);
  const after = await stored(page);
  expect(after.students.map(({ weights }) => weights)).toEqual([first!.weights]);
  expect(after.students[0]!.summary.curves).toEqual(first!.summary.curves);
  expect(after.checkpoints).toEqual([]);

  // kept over a reload, with its undo
  await page.reload();
  await openTiny(page);
  await clipsDone(page);
  await expect.poll(() => clipHash(page, 'student')).toBe(healed);

  // one more block off and healed further; a block that comes back takes the weights off
  await page.getByTestId('tab-heal').click();
  await cell(page, 'blocks.2').click();
  await clipsDone(page);
  await expect(page.getByTestId('heal-standing')).toContainText('More was dropped since it was healed');
  await choose(page, { steps: 30, rate: 0.01 });
  await page.getByTestId('heal-start').click();
  await expect(page.getByTestId('heal-outcome')).toHaveAttribute('data-gained', 'true');
  await expect(page.getByTestId('healed-students').locator('li')).toHaveCount(2);
  await cell(page, 'blocks.1').click();
  await clipsDone(page);
  await expect(page.getByTestId('healed-students').locator('[data-worn=true]')).toHaveCount(0);
  expect(errors).toEqual([]);
});

test('a run goes on by itself when the engine dies, gives way to a clip, and says what came of it', async ({
  page,
}) => {
  await visitTiny(page);
  await cell(page, 'blocks.1').click();
  await clipsDone(page);
  await choose(page, { steps: 4000, rate: 0.01 });
  await page.getByTestId('heal-start').click();
  await expect(page.getByTestId('heal-cost')).toContainText(/step \d+ kept/);
  await engineWorker(page).evaluate(() => self.close());
  await expect.poll(() => healStep(page)).toBeGreaterThan(100);
  await page.getByTestId('heal-stop').click();
  await expect(page.getByTestId('heal-outcome')).toHaveAttribute('data-end', 'told');

  // harm: the untouched student stays, and the page says what to change
  await page.getByTestId('undo').click();
  await choose(page, { rate: 5 });
  await page.getByTestId('heal-start').click();
  await expect(page.getByTestId('heal-outcome')).toHaveAttribute('data-gained', 'false');
  await expect(page.getByTestId('heal-outcome')).toContainText('untouched student was kept');
  await page.getByTestId('heal-lower-rate').click();
  await expect(page.getByTestId('heal-rate')).toHaveValue('2');
});

test('thirty steps over a reload take a third off the error of the bundled model’s student, and its file does the same in another runtime', async ({
  page,
}, info) => {
  test.setTimeout(900_000);
  const errors = watchErrors(page);
  await visit(page, { steps: 4, backend: 'wasm', path: './#seed=3&steps=4&guidance=1' });
  await bothDone(page);
  await page.getByTestId('preset-vdmini').click();
  await bothDone(page);
  const unhealed = await clipHash(page, 'student');
  await page.getByTestId('heal-it').click(); // the banner leads to the panel
  await choose(page, { steps: 30, rate: 0.002, batch: 2, 'clips-made': 8 });
  await page.getByTestId('heal-start').click();
  await expect.poll(() => healStep(page), { timeout: 400_000 }).toBeGreaterThan(7);
  await page.getByTestId('heal-pause').click();
  await expect(page.getByTestId('heal-standing')).toContainText('and kept', { timeout: 60_000 });

  await page.reload();
  await clipsDone(page);
  await page.getByTestId('tab-heal').click();
  await page.getByTestId('heal-resume').click();
  await expect(page.getByTestId('heal-outcome')).toHaveAttribute('data-gained', 'true', { timeout: 400_000 });
  await clipsDone(page);
  await expect.poll(() => clipHash(page, 'student')).not.toBe(unhealed);
  const { summary } = (await stored(page)).students[0]!;
  expect(summary.steps).toBe(30);
  expect(summary.best.total).toBeLessThan((2 / 3) * summary.before.total);

  await page.getByTestId('export-open').click();
  await page.getByTestId('format-pipeline-zip').check();
  await page.getByTestId('export-run').click();
  await expect(page.getByTestId('export-result')).toHaveAttribute('data-current', 'true', { timeout: 120_000 });
  expect(Number(await page.getByTestId('export-max-difference').getAttribute('data-value'))).toBeLessThanOrEqual(1e-4);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('export-download').click()]);
  const folder = info.outputPath('healed');
  for (const [path, bytes] of Object.entries(unzipSync(await readFile(await download.path())))) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  const native = await openPipeline(await nodeFolder(folder), nodeRuntime({ threads: 2 }));
  try {
    const settings = { prompt: 'a red apple bounces on a dark background', seed: 3, steps: 4, guidance: 1 };
    const { clips } = await native.sample({ takes: [{ variant: TEACHER, settings }], previewEvery: 0 });
    await page.keyboard.press('Escape');
    const shown = await frameOnScreen(page);
    const { pixels, width, height } = clips[0]!;
    const frame = pixels.subarray(shown.frame * width * height * 4, (shown.frame + 1) * width * height * 4);
    const apart = shown.pixels.map((level, i) => Math.abs(level - frame[i]!));
    expect(Math.max(...apart)).toBeLessThanOrEqual(3); // WebAssembly and native round differently
  } finally {
    await native.release();
  }
  expect(errors).toEqual([]);
});

/** The student's frame, paused. */
async function frameOnScreen(page: Page): Promise<{ readonly frame: number; readonly pixels: readonly number[] }> {
  const canvas = clip(page, 'student');
  await page.getByTestId('frame-forward').click(); // pauses
  return canvas.evaluate((element: HTMLCanvasElement) => ({
    frame: Number(element.dataset['frame']),
    pixels: [...element.getContext('2d')!.getImageData(0, 0, element.width, element.height).data],
  }));
}

test('two hundred steps leave the heap as it was, and the student’s state where it is', async ({ baseURL }) => {
  // of its own, so that memory can be measured at once, after a collection
  const browser = await chromium.launch({
    executablePath: ensureChromium(),
    args: ['--no-sandbox', '--enable-blink-features=ForceEagerMeasureMemory'],
  });
  try {
    const page = await browser.newPage({ baseURL: baseURL!, viewport: { width: 1440, height: 900 } });
    await visitTiny(page);
    await cell(page, 'blocks.1').click();
    await clipsDone(page);
    await choose(page, { steps: 5000, rate: 0.001, 'clips-made': 8, batch: 2 });
    await page.getByTestId('heal-start').click();
    const pausedAfter = async (steps: number) => {
      await expect.poll(() => healStep(page), { intervals: [20] }).toBeGreaterThan(steps);
      await page.getByTestId('heal-pause').click();
      await expect(page.getByTestId('heal-standing')).toContainText('and kept');
      const step = await healStep(page);
      const { movedBytes } = await page.evaluate(() => window.__vdmini!.counters());
      return { step, movedBytes, heapBytes: await heapBytes(page) };
    };
    const before = await pausedAfter(50);
    await page.getByTestId('heal-pause').click();
    const after = await pausedAfter(before.step + 200);
    expect(Math.abs(after.heapBytes / before.heapBytes - 1)).toBeLessThan(0.05);
    const steps = after.step - before.step;
    // Of each step: its states to teacher and student, zeros that gradients are added to, a few numbers back. Beside them a
    // measurement each 250 steps, and the checkpoint of the pause. The state would be four such vectors, both ways.
    const [latentBytes, vectorBytes] = [4 * 4 * 4 * 8 * 8, 4 * 593];
    const stepBytes = 2 * 2 * (latentBytes + 4) + vectorBytes + 256;
    const others = 2 * 32 * latentBytes + 8 * vectorBytes + 40 * latentBytes;
    expect((after.movedBytes - before.movedBytes) / steps).toBeLessThan(stepBytes + others / steps);
  } finally {
    await browser.close();
  }
});

async function heapBytes(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const measured = performance as unknown as { measureUserAgentSpecificMemory(): Promise<{ bytes: number }> };
    return (await measured.measureUserAgentSpecificMemory()).bytes;
  });
}
