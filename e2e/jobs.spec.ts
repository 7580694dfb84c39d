/** Jobs, counted: what a cancel leaves running, what quick toggles cost, and what survives lost devices and workers. */
import { expect, type Page, test } from '@playwright/test';
import { bothDone, cell, clipHash, counters, engineWorker, visit, watchErrors } from './studioPage';
import { chooseTiny, openTiny } from './tinyModel';

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
  // each of another block: a plan that was run before would be replayed and not be run
  const blocks = page.locator('.cell.layer:not([data-locked])');
  for (let toggle = 0; toggle < 11; toggle++) {
    await blocks.nth(3 * toggle).click();
    await page.waitForTimeout(400);
  }
  await bothDone(page);
  // a run that a toggle cut short had 150 ms: its first call, and the one that may have begun
  expect((await settledRuns(page)) - before).toBeLessThanOrEqual(steps + 11 * 2);
  expect((await runs(page)) - before).toBeGreaterThanOrEqual(steps);
});

/** Fifty in the full tests; each moment once everywhere. */
const LOSSES = process.env['VDMINI_FULL'] ? 50 : 6;

const loseDevice = (page: Page): Promise<void> =>
  page.evaluate(() => (window as unknown as { __vdmini: { loseDevice(): void } }).__vdmini.loseDevice());

/** What the page does when its device goes. */
const moments = ['idle', 'sampling', 'opening', 'exporting', 'remaking', 'twice in a row'] as const;

async function begin(page: Page, moment: (typeof moments)[number]): Promise<void> {
  if (moment === 'sampling') await page.getByTestId('generate').click();
  if (moment === 'opening') await chooseTiny(page);
  if (moment !== 'exporting') return;
  await page.getByTestId('export-open').click();
  await page.getByTestId('export-run').click();
}

/** Loses it at a moment of the `waitMs` that follow; twice where that is the moment. */
async function lose(page: Page, moment: (typeof moments)[number], waitMs: () => number): Promise<void> {
  await begin(page, moment);
  await page.waitForTimeout(waitMs());
  const { deviceLosses } = await counters(page);
  await loseDevice(page);
  const lost = (count: number) =>
    expect.poll(async () => (await counters(page)).deviceLosses, { timeout: 60_000 }).toBeGreaterThanOrEqual(count);
  await lost(deviceLosses + 1);
  if (moment === 'remaking') {
    await page.waitForTimeout(2 * waitMs());
    await loseDevice(page); // of the lost one's successor, or of nothing
  }
  if (moment === 'twice in a row') {
    await expect(page.getByTestId('device-lost')).toHaveCount(0);
    await loseDevice(page);
    await lost(deviceLosses + 2);
  }
}

test(`${LOSSES} lost devices are as many recoveries: model, plan, settings and clips stay, nothing piles up`, async ({
  browser,
}) => {
  test.setTimeout(120_000 + LOSSES * 20_000);
  const page = await (await browser.newContext({ reducedMotion: 'reduce' })).newPage();
  const errors = watchErrors(page);
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  await visit(page, { steps: 4, backend: 'webgpu' });
  await openTiny(page);
  await page.getByTestId('seed').fill('29');
  await page.getByTestId('seed').press('Enter');
  await cell(page, 'blocks.1').click();
  await bothDone(page);
  const student = await clipHash(page, 'student');
  const { sessionsLiving, devicesLiving } = await counters(page);
  expect(devicesLiving).toBe(1);
  let random = 7;
  const waitMs = () => {
    random = (random * 16807) % 2147483647;
    return random % 400;
  };
  for (let loss = 0; loss < LOSSES; loss++) {
    const moment = moments[loss % moments.length]!;
    await test.step(`loss ${loss + 1}, ${moment}`, async () => {
      await lose(page, moment, waitMs);
      if (moment === 'exporting') {
        await expect(page.getByTestId('export-result')).toHaveAttribute('data-current', 'true');
        await page.keyboard.press('Escape');
      }
      await expect(page.getByTestId('device-lost')).toHaveCount(0);
      await bothDone(page);
      expect(await clipHash(page, 'student')).toBe(student);
      await expect(cell(page, 'blocks.1')).toHaveAttribute('data-state', 'off');
      await expect(page.getByTestId('seed')).toHaveValue('29');
      await expect(page.getByTestId('error-panel')).toHaveCount(0);
      await expect(page.getByTestId('backend-badge')).toHaveAttribute('data-backend', 'webgpu');
      // what the lost devices had is released: no more than before the first loss
      await expect
        .poll(async () => {
          const now = await counters(page);
          return [now.sessionsLiving, now.devicesLiving];
        })
        .toEqual([sessionsLiving, devicesLiving]);
    });
  }
  expect((await counters(page)).deviceLosses).toBeGreaterThanOrEqual(LOSSES);
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

test('a worker that ends in the middle of a call is noticed within five seconds', async ({ page }) => {
  await visit(page, { steps: 16, backend: 'wasm' });
  await expect(page.getByTestId('cancel-run')).toBeVisible({ timeout: 120_000 });
  await expect.poll(() => runs(page), { timeout: 120_000, intervals: [20] }).toBeGreaterThan(1);
  await engineWorker(page).evaluate(() => self.close()); // comes to rest after the call that it is in
  const ended = Date.now();
  await expect(page.getByTestId('device-lost')).toBeVisible({ timeout: 5000 });
  expect(Date.now() - ended).toBeLessThan(5000);
  await bothDone(page);
});
