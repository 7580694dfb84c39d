/** Jobs, counted: what a cancel leaves running, what quick toggles cost, and what survives lost devices and workers. */
import { expect, type Page, test } from '@playwright/test';
import { bothDone, cell, clipHash, counters, engineWorker, settledRuns, visit, watchErrors } from './studioPage';
import { chooseTiny, openTiny, spinningModel } from './tinyModel';

const runs = async (page: Page): Promise<number> => (await counters(page)).denoiserRuns;

test('a cancel at the first of 16 steps leaves at most one more denoiser run, on WebAssembly', async ({ page }) => {
  const errors = watchErrors(page);
  await visit(page, { steps: 16, backend: 'wasm' });
  await expect(page.getByTestId('cancel-run')).toBeVisible({ timeout: 120_000 });
  await expect.poll(() => runs(page), { timeout: 120_000, intervals: [20] }).toBeGreaterThan(0);
  // clicked by the page itself, at the moment of the count: a click from here may be on its way for several calls
  const atCancel = await page.evaluate(async () => {
    const { denoiserRuns } = await window.__vdmini!.counters();
    document.querySelector<HTMLElement>('[data-testid=cancel-run]')!.click();
    return denoiserRuns;
  });
  // one that ran while the click was on its way, and one that may have begun
  expect(await settledRuns(page)).toBeLessThanOrEqual(atCancel + 2);
  expect(errors).toEqual([]);
});

test('eleven toggles 400 ms apart end in one whole run of the student', async ({ page }) => {
  const steps = 16;
  await visit(page, { steps, backend: 'wasm' });
  await bothDone(page);
  const before = await runs(page); // the teacher's: nothing is dropped yet
  // each of another block: a plan that was run before would be replayed and not be run; by the page's own clock
  const toggled = await page.evaluate(async () => {
    const blocks = [...document.querySelectorAll<HTMLElement>('.cell.layer:not([data-locked])')];
    const atMs: number[] = [];
    for (let toggle = 0; toggle < 11; toggle++) {
      blocks[3 * toggle]!.click();
      atMs.push(performance.now());
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    return atMs;
  });
  expect(toggled).toHaveLength(11);
  await expect(page.locator('.cell.layer[data-state=off]')).not.toHaveCount(0);
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

/** What `keepWorkers` leaves in the page: its workers, and the call into the runtime that the last one said it is in. */
interface Kept {
  workersMade: Worker[];
  insideOf?: string | undefined;
}

/** Keeps every worker that the page starts. */
async function keepWorkers(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const Original = window.Worker;
    const kept = window as unknown as Kept;
    kept.workersMade = [];
    window.Worker = class extends Original {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        kept.workersMade.push(this);
        kept.insideOf = undefined;
        this.addEventListener('message', ({ data }) => {
          if (data.type === 'busy') kept.insideOf = data.busy ? data.call?.kind : undefined;
        });
      }
    };
  });
}

const workersMade = (page: Page): Promise<number> =>
  page.evaluate(() => (window as unknown as Kept).workersMade.length);

test('a worker that dies is started again, and the model is opened again', async ({ page }) => {
  await keepWorkers(page);
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  await visit(page, { steps: 2, backend: 'wasm' });
  await openTiny(page);
  await cell(page, 'blocks.1').click();
  await bothDone(page);
  const student = await clipHash(page, 'student');
  // ended behind the client's back: no error event comes, only silence
  await page.evaluate(() => (window as unknown as Kept).workersMade.at(-1)!.terminate());
  await expect.poll(() => workersMade(page), { timeout: 30_000 }).toBeGreaterThan(1);
  await bothDone(page);
  await page.getByTestId('dice').click();
  await bothDone(page);
  expect(await clipHash(page, 'student')).not.toBe(student);
});

test('a worker that ends in the middle of a call is noticed within five seconds', async ({ page }) => {
  await visit(page, { steps: 16, backend: 'wasm' });
  await expect(page.getByTestId('cancel-run')).toBeVisible({ timeout: 120_000 });
  await expect.poll(() => runs(page), { timeout: 120_000, intervals: [20] }).toBeGreaterThan(1);
  // by the page's own clock, which sees the sentence however soon the engine is back
  await page.evaluate(() => {
    const kept = window as unknown as { lostAtMs?: number };
    new MutationObserver(() => {
      if (document.querySelector('[data-testid=device-lost]')) kept.lostAtMs ??= performance.now();
    }).observe(document.body, { childList: true, subtree: true });
  });
  const endedAtMs = await page.evaluate(() => performance.now());
  await engineWorker(page).evaluate(() => self.close()); // comes to rest after the call that it is in
  const lostAtMs = () => page.evaluate(() => (window as unknown as { lostAtMs?: number }).lostAtMs ?? 0);
  await expect.poll(lostAtMs, { timeout: 20_000 }).toBeGreaterThan(0);
  expect((await lostAtMs()) - endedAtMs).toBeLessThan(5000);
  await bothDone(page);
});

test('a first call that never comes back is noticed in seconds; the next one is stopped, and another model opens', async ({
  page,
}) => {
  await keepWorkers(page);
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  await visit(page, { steps: 2, backend: 'wasm' });
  await openTiny(page);
  await chooseTiny(page, spinningModel, 'spinning.onnx');
  await expect(page.getByTestId('cancel-run')).toBeVisible({ timeout: 60_000 });
  const before = await workersMade(page);
  // its work is next to nothing: what is waited for is silence alone
  await expect.poll(() => workersMade(page), { timeout: 20_000 }).toBe(before + 1);
  // the model is open again, and the run that was interrupted is begun anew: it spins, and is waited for longer
  await expect(page.getByTestId('device-lost')).toHaveCount(0, { timeout: 60_000 });
  await expect.poll(() => page.evaluate(() => (window as unknown as Kept).insideOf ?? '')).toMatch(/^run /);
  await page.getByTestId('cancel-run').click();
  await expect.poll(() => workersMade(page), { timeout: 20_000 }).toBe(before + 2);
  await expect(page.getByTestId('device-lost')).toHaveCount(0, { timeout: 60_000 });
  await expect(page.getByTestId('cancel-run')).toHaveCount(0); // a person stopped it: it is not begun again
  await expect(cell(page, 'blocks.1')).toBeVisible();
  await openTiny(page);
  expect(await workersMade(page)).toBe(before + 2);
});
