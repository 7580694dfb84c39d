/** The studio's own built page in a Chromium of its own, with the bundled model: how long a clip takes. */
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { adapterFlags } from '../../../e2e/chromium';
import { bothDone, visit } from '../../../e2e/studioPage';
import { median } from '../interleaved';
import { requirePage } from './servedPage';

export interface StudioPage {
  readonly backend: 'wasm' | 'webgpu';
  /** Milliseconds from the click to the end of a clip of a new seed, nothing dropped. */
  generate(): Promise<number>;
  /** Median milliseconds from one training step to the next, of a healing of so many steps of the paper's preset. */
  healStepMs(steps: number): Promise<number>;
  close(): Promise<void>;
}

/** Builds into `folder`. On WebGPU it is the machine's own adapter's. Throws where no Chromium is found. */
export async function openStudioPage(
  folder: string,
  steps: number,
  backend: StudioPage['backend'],
): Promise<StudioPage> {
  const chromiumFlags = adapterFlags(backend === 'webgpu');
  const { url, browser, close } = await requirePage(join(folder, 'page'), { chromiumFlags });
  try {
    const page = await browser.newPage({
      viewport: { width: 1440, height: 900 },
      baseURL: url,
    });
    // without guidance, as the model is sampled and as the native step runs: one clip a call
    await visit(page, { steps, backend, path: `./#steps=${steps}&guidance=1` });
    await bothDone(page);
    return {
      backend,
      generate: () => generateMs(page),
      healStepMs: (steps) => healStepMs(page, steps),
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Timed in the page: an assertion of the test runner looks again after up to a second. */
async function generateMs(page: Page): Promise<number> {
  const tookMs = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const standing = ['teacher-standing', 'student-standing', 'metrics'];
        const startMs = performance.now();
        let began = false;
        const look = setInterval(() => {
          began ||= document.querySelector('[data-testid="cancel-run"]') !== null;
          const done = standing.every((id) => document.querySelector(`[data-testid="${id}"][data-standing="done"]`));
          if (!began || !done) return;
          clearInterval(look);
          resolve(performance.now() - startMs);
        }, 5);
        document.querySelector<HTMLElement>('[data-testid="dice"]')?.click();
      }),
  );
  await bothDone(page);
  return tookMs;
}

/** Steps are told as they end; those beside a measurement or a clip are among them, which the median leaves out. */
async function healStepMs(page: Page, steps: number): Promise<number> {
  await page.getByTestId('preset-vdmini').click();
  await bothDone(page);
  await page.getByTestId('tab-heal').click();
  await page.getByTestId('heal-limit').locator('[data-value=steps]').click();
  await page.getByTestId('heal-steps').fill(String(steps));
  await page.getByTestId('heal-steps').press('Enter');
  await page.getByTestId('heal-start').click();
  const atMs = await page.evaluate(
    (wanted) =>
      new Promise<number[]>((resolve) => {
        const seen: number[] = [];
        const look = setInterval(() => {
          const text = document.querySelector('[data-testid=heal-standing]')?.textContent ?? '';
          const step = Number(/Step (\d+) of/.exec(text)?.[1] ?? 0);
          if (step > seen.length) seen.push(performance.now());
          if (step < wanted && !document.querySelector('[data-testid=heal-outcome]')) return;
          clearInterval(look);
          resolve(seen);
        }, 5);
      }),
    steps,
  );
  return median(atMs.slice(1).map((ms, index) => ms - atMs[index]!));
}
