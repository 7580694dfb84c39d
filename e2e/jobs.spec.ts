/** Jobs, counted: what a cancel leaves running, what quick toggles cost, and what survives lost devices and workers. */
import { expect, type Page, test } from '@playwright/test';
import { bothDone, cell, clipHash, counters, visit, watchErrors } from './studioPage';
import { openTiny } from './tinyModel';

const runs = async (page: Page): Promise<number> => (await counters(page)).denoiserRuns;

/** Once no denoiser ran for a while: how many did. */
async function settledRuns(page: Page): Promise<number> {
  let before = await runs(page);
  for (;;) {
    await page.waitForTimeout(1500);
    const now = await runs(page);
    if (now === before) return now;
    before = now;
  }
}

test('a cancel at the first of 16 steps leaves at most one more denoiser run, on WebAssembly', async ({ page }) => {
  const errors = watchErrors(page);
  await visit(page, { steps: 16, backend: 'wasm' });
  await expect(page.getByTestId('cancel-run')).toBeVisible({ timeout: 120_000 });
  await expect.poll(() => runs(page), { timeout: 120_000, intervals: [20] }).toBeGreaterThan(0);
  const atCancel = await runs(page);
  await page.getByTestId('cancel-run').click();
  // one that ran while the click was on its way, and one that may have begun
  expect(await settledRuns(page)).toBeLessThanOrEqual(atCancel + 2);
  expect(errors).toEqual([]);
});

test('eleven toggles 400 ms apart end in one whole run of the student', async ({ page }) => {
  const steps = 16;
  await visit(page, { steps, backend: 'wasm' });
  await bothDone(page);
  const before = await runs(page); // the teacher's: nothing is dropped yet
  const block = cell(page, 'up_blocks.2.attentions.1');
  for (let toggle = 0; toggle < 11; toggle++) {
    await block.click();
    await page.waitForTimeout(400);
  }
  await bothDone(page);
  // a run that a toggle cut short had 150 ms: its first call, and the one that may have begun
  expect((await settledRuns(page)) - before).toBeLessThanOrEqual(steps + 11 * 2);
  expect((await runs(page)) - before).toBeGreaterThanOrEqual(steps);
});

/** Fifty in the full tests; a few everywhere. */
const LOSSES = process.env['VDMINI_FULL'] ? 50 : 6;

const loseDevice = (page: Page): Promise<void> =>
  page.evaluate(() => (window as unknown as { __vdmini: { loseDevice(): void } }).__vdmini.loseDevice());

test(`${LOSSES} lost devices are as many recoveries: model, plan and clips stay`, async ({ browser }) => {
  test.setTimeout(120_000 + LOSSES * 20_000);
  const page = await (await browser.newContext({ reducedMotion: 'reduce' })).newPage();
  const errors = watchErrors(page);
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  await visit(page, { steps: 4, backend: 'webgpu' });
  await openTiny(page);
  await cell(page, 'blocks.1').click();
  await bothDone(page);
  const student = await clipHash(page, 'student');
  const { sessionsLiving } = await counters(page);
  let seed = 7;
  for (let loss = 1; loss <= LOSSES; loss++) {
    seed = (seed * 16807) % 2147483647;
    // absent while a run goes on, which is as good a moment
    if (loss % 3 === 0)
      await page
        .getByTestId('generate')
        .click({ timeout: 1000 })
        .catch(() => undefined);
    await page.waitForTimeout(seed % 400); // idle, sampling, decoding
    const before = (await counters(page)).deviceLosses;
    await loseDevice(page);
    await expect.poll(async () => (await counters(page)).deviceLosses, { timeout: 30_000 }).toBeGreaterThan(before);
    if (loss % 5 === 0) {
      await page.waitForTimeout(seed % 900); // while it is being remade
      await loseDevice(page);
    }
    await expect(page.getByTestId('device-lost')).toHaveCount(0, { timeout: 60_000 });
    await bothDone(page);
    expect(await clipHash(page, 'student')).toBe(student);
  }
  await expect(page.getByTestId('backend-badge')).toHaveAttribute('data-backend', 'webgpu');
  expect((await counters(page)).deviceLosses).toBeGreaterThanOrEqual(LOSSES);
  // what the lost devices had is released: no more sessions than before the first loss
  await expect.poll(async () => (await counters(page)).sessionsLiving).toBe(sessionsLiving);
  await expect(cell(page, 'blocks.1')).toBeVisible();
  expect(errors).toEqual([]);
  await page.context().close();
});

test('a worker that dies is started again, and the model is opened again', async ({ page }) => {
  await page.addInitScript(() => {
    const Original = window.Worker;
    const made: Worker[] = [];
    (window as unknown as { workersMade: Worker[] }).workersMade = made;
    window.Worker = class extends Original {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        made.push(this);
      }
    };
  });
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  await visit(page, { steps: 2, backend: 'wasm' });
  await openTiny(page);
  await cell(page, 'blocks.1').click();
  await bothDone(page);
  const student = await clipHash(page, 'student');
  // ended behind the client's back: no error event comes, only silence
  await page.evaluate(() => (window as unknown as { workersMade: Worker[] }).workersMade.at(-1)!.terminate());
  await expect
    .poll(() => page.evaluate(() => (window as unknown as { workersMade: Worker[] }).workersMade.length), {
      timeout: 30_000,
    })
    .toBeGreaterThan(1);
  await bothDone(page);
  await page.getByTestId('dice').click();
  await bothDone(page);
  expect(await clipHash(page, 'student')).not.toBe(student);
});
