/** Backends: WebGPU on the software adapter gives what WebAssembly gives; a plain file server still has threads. */

import { expect, type Page, test } from '@playwright/test';
import { serveBuilt } from './serveBuilt';
import { bothDone, cell, clip, visit, watchErrors } from './studioPage';
import { openTiny } from './tinyModel';

test.use({ serviceWorkers: 'allow' }); // one test is about the service worker

/** RGB of the frame on screen. */
const pixels = (page: Page, side: 'teacher' | 'student') =>
  clip(page, side).evaluate((element: HTMLCanvasElement) => [
    ...element.getContext('2d')!.getImageData(0, 0, element.width, element.height).data,
  ]);

test('WebGPU on the software adapter equals WebAssembly', async ({ browser }) => {
  const seen: Record<string, { teacher: number[]; student: number[] }> = {};
  for (const backend of ['wasm', 'webgpu'] as const) {
    const page = await (await browser.newContext({ reducedMotion: 'reduce' })).newPage(); // the first frame stays on screen
    const errors = watchErrors(page);
    // The bundled model would take minutes on a software adapter: the tiny one is opened before it has run.
    await page.route('**/models/emoji-t2v/**', (route) => route.abort());
    await visit(page, { steps: 2, backend });
    await openTiny(page);
    await expect(page.getByTestId('backend-badge')).toHaveAttribute('data-backend', backend);
    await cell(page, 'blocks.1').click();
    await bothDone(page);
    seen[backend] = { teacher: await pixels(page, 'teacher'), student: await pixels(page, 'student') };
    if (backend === 'webgpu') {
      await page.getByTestId('backend-badge').click();
      await expect(page.getByTestId('backend-details')).toContainText(/differs from WASM by at most/);
    }
    expect(errors).toEqual([]);
    await page.context().close();
  }
  for (const side of ['teacher', 'student'] as const) {
    const [a, b] = [seen['wasm']![side], seen['webgpu']![side]];
    expect(b.length).toBe(a.length);
    expect(new Set(a).size).toBeGreaterThan(10);
    expect(Math.max(...a.map((value, index) => Math.abs(value - b[index]!)))).toBeLessThanOrEqual(1); // levels of 255
  }
  expect(seen['wasm']!.teacher).not.toEqual(seen['wasm']!.student);
});

test('a plain file server under any path gives isolation and threads', async ({ page }) => {
  const server = await serveBuilt('/some/path/');
  try {
    await visit(page, { steps: 1, path: server.url });
    await bothDone(page);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await page.getByTestId('backend-badge').click();
    await expect(page.getByTestId('backend-details')).toContainText(/WASM threads\s*[2-9]/);
  } finally {
    await server.close();
  }
});
