/** Backends: WebGPU on the software adapter gives what WebAssembly gives; a plain file server still has threads. */

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { buildModel } from '../src/onnx/testing/buildModel';
import { writeModel } from '../src/onnx/writeModel';
import { bothDone, cell, clip, visit, watchErrors } from './studioPage';

const channels = 4;

/** Residual convolutions on a latent of 4 frames of 8x8: enough of a denoiser to sample. */
const tiny = writeModel(
  buildModel((b) => {
    const sample = b.input('sample', [1, channels, 4, 8, 8]);
    const timestep = b.input('timestep', [1], 'float32');
    const scale = b.op('Mul', [timestep, b.weight('per_step', [1], [1e-4])], {}, { name: '/time/Mul' });
    const conv = (x: string, path: string) =>
      b.op(
        'Conv',
        [x, b.weight(`${path}.weight`, [channels, channels, 1, 3, 3])],
        { pads: [0, 1, 1, 0, 1, 1] },
        { name: `/${path}/Conv` },
      );
    let x = b.op('Add', [conv(sample, 'conv_in'), scale], {}, { name: '/conv_in/Add' });
    for (let block = 0; block < 3; block++) {
      const inner = b.op('Sigmoid', [conv(x, `blocks.${block}.conv`)], {}, { name: `/blocks.${block}/Sigmoid` });
      x = b.op('Add', [x, inner], {}, { name: `/blocks.${block}/Add` });
    }
    b.op(
      'Conv',
      [x, b.weight('conv_out.weight', [channels, channels, 1, 1, 1])],
      {},
      { name: '/conv_out/Conv', outputs: ['out_sample'] },
    );
    b.output('out_sample', [1, channels, 4, 8, 8]);
  }),
);

async function openTiny(page: Page): Promise<void> {
  await page.getByTestId('open-model').click();
  await page
    .getByTestId('files-input')
    .setInputFiles({ name: 'tiny.onnx', mimeType: 'application/octet-stream', buffer: Buffer.from(tiny) });
  await expect(cell(page, 'blocks.1')).toBeVisible({ timeout: 60_000 });
  await bothDone(page);
}

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

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
};

test('a plain file server under any path gives isolation and threads', async ({ page }) => {
  const server = createServer((request, response) => {
    const path =
      normalize(decodeURIComponent(new URL(request.url!, 'http://localhost').pathname)).replace(
        /^\/some\/path\//,
        '',
      ) || 'index.html';
    readFile(join('dist', path)).then(
      (body) =>
        response.writeHead(200, { 'Content-Type': types[extname(path)] ?? 'application/octet-stream' }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  try {
    await visit(page, { steps: 1, path: `http://localhost:${(server.address() as AddressInfo).port}/some/path/` });
    await bothDone(page);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await page.getByTestId('backend-badge').click();
    await expect(page.getByTestId('backend-details')).toContainText(/WASM threads\s*[2-9]/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
