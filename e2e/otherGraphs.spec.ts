/** Graphs that are no denoiser: refused with what they are, and opened on a click for map, plan and export. */
import { readFile } from 'node:fs/promises';
import { expect, type Page, test } from '@playwright/test';
import { readModel } from '../src/onnx/readModel';
import { buildModel } from '../src/onnx/testing/buildModel';
import { writeModel } from '../src/onnx/writeModel';
import { cell, watchErrors } from './studioPage';

/** Token embeddings, then two residual blocks: a text encoder by its input. */
const textEncoder = writeModel(
  buildModel((b) => {
    const ids = b.input('input_ids', [1, 8], 'int64');
    let x = b.op('Gather', [b.weight('embeddings.weight', [16, 8]), ids], {}, { name: '/embeddings/Gather' });
    for (let block = 0; block < 2; block++) {
      const path = `layers.${block}.fc`;
      const inner = b.op('MatMul', [x, b.weight(`${path}.weight`, [8, 8])], {}, { name: `/layers.${block}/fc/MatMul` });
      x = b.op('Add', [x, inner], {}, { name: `/layers.${block}/Add` });
    }
    b.op(
      'MatMul',
      [x, b.weight('final.weight', [8, 8])],
      {},
      { name: '/final/MatMul', outputs: ['last_hidden_state'] },
    );
    b.output('last_hidden_state', [1, 8, 8]);
  }),
);

/** Patches of a picture, then two residual blocks: a vision model by its input. */
const visionModel = writeModel(
  buildModel((b) => {
    const pixels = b.input('pixel_values', [1, 3, 8, 8]);
    let x = b.op(
      'Conv',
      [pixels, b.weight('patch.weight', [4, 3, 2, 2])],
      { strides: [2, 2] },
      { name: '/patch/Conv' },
    );
    for (let block = 0; block < 2; block++) {
      const weight = b.weight(`encoder.layer.${block}.mlp.weight`, [4, 4, 1, 1]);
      const inner = b.op('Conv', [x, weight], {}, { name: `/encoder/layer.${block}/mlp/Conv` });
      x = b.op('Add', [x, inner], {}, { name: `/encoder/layer.${block}/Add` });
    }
    b.op('Flatten', [x], {}, { name: '/Flatten', outputs: ['features'] });
    b.output('features', [1, 64]);
  }),
);

async function openAnyway(page: Page, name: string, bytes: Uint8Array, role: string): Promise<void> {
  await page.getByTestId('open-model').click();
  await page
    .getByTestId('files-input')
    .setInputFiles({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) });
  await expect(page.getByTestId('error-panel')).toHaveAttribute('data-error-code', 'library/not-a-denoiser');
  await expect(page.getByTestId('error-message')).toContainText(`is ${role}`);
  await page.getByTestId('open-without-running').click();
  await expect(page.getByTestId('cannot-run').first()).toContainText(`is ${role}, not a denoiser`);
}

/** The names of the nodes that are left. */
async function exportedNodes(page: Page): Promise<readonly string[]> {
  await page.getByTestId('export-open').click();
  await page.getByTestId('export-run').click();
  const result = page.getByTestId('export-result');
  await expect(result).toHaveAttribute('data-current', 'true', { timeout: 30_000 });
  await expect(result).toContainText('not a denoiser'); // why nothing was compared with a preview
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('export-download').click()]);
  const { graph } = readModel(new Uint8Array(await readFile((await download.path())!)));
  return graph.nodes.map(({ name }) => name);
}

test('a decoder, a text encoder and a vision model are mapped, cut and exported, and said not to be sampled', async ({
  page,
}) => {
  const errors = watchErrors(page);
  await page.route('**/models/emoji-t2v/unet/**', (route) => route.abort());
  await page.goto('./');

  await openAnyway(page, 'text.onnx', textEncoder, 'a text encoder');
  await cell(page, 'layers.1').click();
  await expect(cell(page, 'layers.1')).toHaveAttribute('data-state', 'off');
  expect(await exportedNodes(page)).toEqual([
    '/embeddings/Gather',
    '/layers.0/fc/MatMul',
    '/layers.0/Add',
    '/final/MatMul',
  ]);
  await page.keyboard.press('Escape');

  await openAnyway(page, 'vision.onnx', visionModel, 'an image encoder');
  await cell(page, 'encoder.layer.0').click();
  expect(await exportedNodes(page)).toEqual([
    '/patch/Conv',
    '/encoder/layer.1/mlp/Conv',
    '/encoder/layer.1/Add',
    '/Flatten',
  ]);
  await page.keyboard.press('Escape');

  const decoder = await readFile('public/models/emoji-t2v/vae_decoder/model.onnx');
  await openAnyway(page, 'decoder.onnx', new Uint8Array(decoder), 'a VAE decoder');
  const block = page.locator('[data-testid="block-cell"]:not([data-locked])').first();
  await block.click();
  await expect(block).toHaveAttribute('data-state', 'off');
  expect((await exportedNodes(page)).length).toBeLessThan(readModel(new Uint8Array(decoder)).graph.nodes.length);
  expect(errors).toEqual([]);
});
