/** What the browser tests do with the page: by test ids, as a person would by sight. */
import { expect, type Locator, type Page, type Worker } from '@playwright/test';

export type Side = 'teacher' | 'student';

/** The bundled model with few sampling steps: kept settings as an earlier visit leaves them. */
export async function visit(
  page: Page,
  {
    steps,
    seed = 1,
    guidance = 2,
    backend = 'auto',
    path = './',
  }: {
    readonly steps: number;
    readonly seed?: number;
    readonly guidance?: number;
    readonly backend?: 'auto' | 'webgpu' | 'wasm';
    readonly path?: string;
  },
): Promise<void> {
  const settings = { prompt: 'a red apple bounces on a dark background', seed, steps, guidance };
  const kept = { model: 'emoji-t2v', settings, backend };
  await page.addInitScript((value) => {
    if (localStorage.getItem('vdmini-studio/1') === null) localStorage.setItem('vdmini-studio/1', value);
  }, JSON.stringify(kept));
  await page.goto(path);
}

/** Resolves once both final clips of the current plan and settings are on screen. */
export async function bothDone(page: Page): Promise<void> {
  for (const side of ['teacher', 'student'] as const) {
    await expect(page.getByTestId(`${side}-standing`)).toHaveAttribute('data-standing', 'done', { timeout: 180_000 });
    await expect(clip(page, side)).toHaveAttribute('data-final', 'true');
  }
  await expect(page.getByTestId('metrics')).toHaveAttribute('data-standing', 'done');
}

export const clip = (page: Page, side: Side): Locator => page.getByTestId(`${side}-canvas`);

/** Names the pixels of all frames. */
export async function clipHash(page: Page, side: Side): Promise<string> {
  return (await clip(page, side).getAttribute('data-clip-hash'))!;
}

export const cell = (page: Page, id: string): Locator => page.locator(`[data-block-id="${id}"]`);

export async function metric(page: Page, id: string): Promise<number> {
  return Number(await page.getByTestId(`metric-${id}`).getAttribute('data-value'));
}

/** Colours in the frame on screen: an empty or broken clip has few. */
export function coloursOnScreen(canvas: Locator): Promise<number> {
  return canvas.evaluate((element: HTMLCanvasElement) => {
    const { data } = element.getContext('2d')!.getImageData(0, 0, element.width, element.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
}

/** The studio's own: it comes by way of a Blob, the runtime's threads from their address. */
export const engineWorker = (page: Page): Worker => page.workers().find((worker) => worker.url().startsWith('blob:'))!;

export interface Counters {
  readonly sessionsCreated: number;
  readonly sessionsLiving: number;
  readonly devicesLiving: number;
  readonly denoiserRuns: number;
  readonly deviceLosses: number;
  readonly fingerprintsMade: number;
}

export function counters(page: Page): Promise<Counters> {
  return page.evaluate(() => (window as unknown as { __vdmini: { counters(): Promise<never> } }).__vdmini.counters());
}

/** Once no denoiser ran for a while: how many did. */
export async function settledRuns(page: Page): Promise<number> {
  let { denoiserRuns: before } = await counters(page);
  for (;;) {
    await page.waitForTimeout(1500);
    const { denoiserRuns: now } = await counters(page);
    if (now === before) return now;
    before = now;
  }
}

/** Errors that nothing handled: every test ends without any. */
export function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  return errors;
}
