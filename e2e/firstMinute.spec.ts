/** The first minute, as a newcomer has it: how soon there is something, and what is left of it without a network. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Browser, expect, type Page, test } from '@playwright/test';
import { serveBuilt } from './serveBuilt';
import { bothDone, cell, clip, clipHash, counters, visit, watchErrors } from './studioPage';

/** Milliseconds from navigation on. */
interface FirstMinute {
  readonly map: number;
  readonly moving: number;
}

declare global {
  interface Window {
    firstMinute?: Partial<FirstMinute>;
  }
}

/** Looks at every frame that the page draws. */
const watch = (): void => {
  const seen: Partial<{ map: number; moving: number }> = {};
  window.firstMinute = seen;
  let first: string | undefined;
  const look = (): void => {
    if (document.querySelector('[data-block-id]')) seen.map ??= performance.now();
    const frame = document.querySelector<HTMLElement>('[data-testid=teacher-canvas]')?.dataset['frame'];
    if (frame !== undefined && first !== undefined && frame !== first) seen.moving ??= performance.now();
    first ??= frame;
    if (seen.moving === undefined || seen.map === undefined) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
};

/** Seconds that the bare files take, all asked for at once, by a browser that has none of them. */
async function loadSeconds(page: Page, urls: readonly string[]): Promise<number> {
  await page.goto('./favicon.svg');
  return page.evaluate(async (all) => {
    const start = performance.now();
    await Promise.all(all.map(async (url) => (await fetch(url)).arrayBuffer()));
    return (performance.now() - start) / 1000;
  }, urls);
}

test('a first visit has the map and a moving clip; how soon, beside loading the same files', async ({ browser }) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const asked: { readonly url: string; readonly seconds: number }[] = [];
  const start = Date.now();
  page.on('request', (request) => asked.push({ url: request.url(), seconds: (Date.now() - start) / 1000 }));
  await page.addInitScript(watch);
  await page.goto('./');
  await page.waitForFunction(() => window.firstMinute?.map !== undefined && window.firstMinute.moving !== undefined);
  const seen = (await page.evaluate(() => window.firstMinute)) as FirstMinute;
  await context.close();
  for (const [what, ms] of Object.entries(seen)) {
    const fresh = await browser.newContext();
    const isFile = ({ url }: { readonly url: string }) => url.startsWith('http'); // the worker's Blob is none
    const urls = asked.filter((one) => isFile(one) && one.seconds <= ms / 1000).map(({ url }) => url);
    const bare = await loadSeconds(await fresh.newPage(), [...new Set(urls)]);
    await fresh.close();
    const seconds = ms / 1000;
    console.log(
      `  ${what}: ${seconds.toFixed(2)} s, ${(seconds / bare).toFixed(1)} x loading the same ${urls.length} files`,
    );
    expect(bare).toBeGreaterThan(0);
  }
});

/** Milliseconds from navigation to the map, and to both clips at their last step. */
const watchClips = (): void => {
  const seen: { map?: number; clips?: number } = {};
  (window as unknown as { bothClips: typeof seen }).bothClips = seen;
  const isDone = (side: string) =>
    document.querySelector<HTMLElement>(`[data-testid=${side}-standing]`)?.dataset['standing'] === 'done' &&
    document.querySelector<HTMLElement>(`[data-testid=${side}-canvas]`)?.dataset['final'] === 'true';
  const look = (): void => {
    if (document.querySelector('[data-block-id]')) seen.map ??= performance.now();
    if (isDone('teacher') && isDone('student')) seen.clips ??= performance.now();
    if (seen.clips === undefined) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
};

/** As the model is made to be sampled: four steps without guidance, a call of one clip each. */
async function clipsOnBothSides(browser: Browser, dropped: string): Promise<{ afterMapMs: number; calls: number }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(watchClips);
  const plan = dropped === '' ? '' : `&plan=${dropped}`;
  await visit(page, {
    steps: 4,
    seed: 3,
    guidance: 1,
    backend: 'wasm',
    path: `./#model=emoji-t2v&seed=3&steps=4${plan}`,
  });
  await bothDone(page);
  const [teacher, student] = [await clipHash(page, 'teacher'), await clipHash(page, 'student')];
  expect(student === teacher).toBe(dropped === '');
  const { denoiserRuns } = await counters(page);
  const { map, clips } = await page.evaluate(
    () => (window as unknown as { bothClips: { map: number; clips: number } }).bothClips,
  );
  await context.close();
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  console.log(
    `  ${dropped || 'nothing'} dropped: map ${seconds(map)}, both clips ${seconds(clips - map)} after it, ${denoiserRuns} calls of the denoiser`,
  );
  return { afterMapMs: clips - map, calls: denoiserRuns };
}

test('clips on both sides, sampled on two threads of WebAssembly; how soon after the map', async ({ browser }) => {
  const same = await clipsOnBothSides(browser, ''); // no clip that is stored: of another seed
  expect(same.afterMapMs).toBeGreaterThan(0);
  expect(same.calls).toBe(4); // a student without edits is the teacher
  const other = await clipsOnBothSides(browser, 'down_blocks.0.pairs.1');
  expect(other.afterMapMs).toBeGreaterThan(0);
  expect(other.calls).toBe(8); // four for each side
});

test.describe('after one visit', () => {
  test.use({ serviceWorkers: 'allow' });

  test('the page opens, samples and prunes without a network; the copied command does the same', async ({
    page,
    context,
  }) => {
    const errors = watchErrors(page);
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const server = await serveBuilt('/');
    await visit(page, { steps: 1, backend: 'wasm', path: server.url });
    await bothDone(page);
    const before = await clipHash(page, 'teacher');
    await expect(page.locator('html')).toHaveAttribute('data-offline', 'ready');
    await server.close(); // no network is less than this: there is nobody at that address any more

    await page.reload();
    await bothDone(page);
    expect(await clipHash(page, 'teacher')).toBe(before);
    await cell(page, 'down_blocks.0.resnets.1').click();
    await bothDone(page);
    expect(await clipHash(page, 'student')).not.toBe(before);

    await page.getByTestId('copy-command').click();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { maxBuffer: 1 << 26 });
    expect(JSON.parse(stdout)).toMatchObject({ dropped: ['down_blocks.0.resnets.1'] });
    await expect(clip(page, 'student')).toHaveAttribute('data-final', 'true');
    expect(errors).toEqual([]);
  });
});
