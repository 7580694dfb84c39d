/** Exports: of a graph whose free axis is not (it runs at the three frames it was traced with and at no other number), and as a zip. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { packModel } from '../onnx/packModel';
import { readModel } from '../onnx/readModel';
import { buildModel } from '../onnx/testing/buildModel';
import { writeModel } from '../onnx/writeModel';
import type { LatentSize } from '../pipeline/PipelineDescription';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { openPipeline } from './openPipeline';
import { variantOf } from './Variant';

const traced = buildModel((b) => {
  const sample = b.input('sample', [1, 4, 'frames', 8, 8]);
  b.input('timestep', [1]);
  let x = b.op(
    'Conv',
    [sample, b.weight('conv_in.weight', [4, 4, 1, 3, 3])],
    { pads: [0, 1, 1, 0, 1, 1] },
    { name: '/conv_in/Conv' },
  );
  x = b.op('Reshape', [x, b.ints('shape', [1, 4, 3, 8, 8])], {}, { name: '/Reshape' });
  for (let block = 0; block < 2; block++) {
    const inner = b.op(
      'Conv',
      [x, b.weight(`blocks.${block}.conv.weight`, [4, 4, 1, 3, 3])],
      { pads: [0, 1, 1, 0, 1, 1] },
      { name: `/blocks.${block}/conv/Conv` },
    );
    x = b.op(
      'Add',
      [x, b.op('Relu', [inner], {}, { name: `/blocks.${block}/Relu` })],
      {},
      { name: `/blocks.${block}/Add` },
    );
  }
  b.op('Identity', [x], {}, { name: '/last', outputs: ['out_sample'] });
  b.output('out_sample', [1, 4, 'frames', 8, 8]);
});

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'export-plan-'));
  await writeFile(join(folder, 'model.onnx'), writeModel(traced));
});

afterAll(() => rm(folder, { recursive: true }));

async function exportAt(latentSize: LatentSize) {
  const pipeline = await openPipeline(await nodeFolder(join(folder, 'model.onnx')), nodeRuntime(), { latentSize });
  try {
    const settings = { prompt: '', seed: 1, steps: 2, guidance: 1 };
    return await pipeline.exportStudent({ variant: variantOf({ dropped: ['blocks.1'] }), format: 'onnx', settings });
  } finally {
    await pipeline.release();
  }
}

test('at the size of its trace it is compared with the preview', async () => {
  const { verification, unverified } = await exportAt({ frames: 3 });
  expect(verification!.maxDifference).toBeLessThan(1e-5);
  expect(verification!.cutEffect).toBeGreaterThan(0.01);
  expect(unverified).toBeUndefined();
});

test('at another size it is exported all the same, and says why it was not compared', async () => {
  const { verification, unverified, files } = await exportAt({ frames: 5 });
  expect(verification).toBeUndefined();
  expect(unverified).toMatch(/Reshape/);
  const { graph } = readModel(new Uint8Array(await files[0]!.blob.arrayBuffer()));
  expect([...graph.initializers.keys()]).not.toContain('blocks.1.conv.weight');
});

test('a zip holds the very files of the export with external data, and what else was in the folder', async () => {
  const wide = buildModel((b) => {
    const sample = b.input('sample', [1, 4, 2, 4, 4]);
    b.input('timestep', [1]);
    const conv = (x: string, path: string, from: number, to: number) =>
      b.op('Conv', [x, b.weight(`${path}.weight`, [to, from, 1, 1, 1])], {}, { name: `/${path}/Conv` });
    let x = conv(sample, 'conv_in', 4, 64);
    for (let block = 0; block < 3; block++)
      x = b.op(
        'Add',
        [x, b.op('Sigmoid', [conv(x, `blocks.${block}.conv`, 64, 64)], {}, { name: `/blocks.${block}/Sigmoid` })],
        {},
        { name: `/blocks.${block}/Add` },
      );
    b.op(
      'Conv',
      [x, b.weight('conv_out.weight', [4, 64, 1, 1, 1])],
      {},
      { name: '/conv_out/Conv', outputs: ['out_sample'] },
    );
    b.output('out_sample', [1, 4, 2, 4, 4]);
  });
  const packed = await packModel(wide, new Map(), { kind: 'external', location: 'weights.bin' });
  const weights: Uint8Array[] = [];
  await packed.writeData(async (chunk) => void weights.push(chunk.slice()));
  const files = await mkdtemp(join(tmpdir(), 'export-zip-'));
  try {
    await writeFile(join(files, 'model.onnx'), packed.modelBytes);
    await writeFile(join(files, 'weights.bin'), Buffer.concat(weights));
    await writeFile(join(files, 'notes.txt'), 'a note');
    const pipeline = await openPipeline(await nodeFolder(files), nodeRuntime(), {});
    const request = {
      variant: variantOf({ dropped: ['blocks.1'] }),
      settings: { prompt: '', seed: 1, steps: 2, guidance: 1 },
    };
    const apart = await pipeline.exportStudent({ ...request, format: 'onnx-external' });
    const zipped = await pipeline.exportStudent({ ...request, format: 'pipeline-zip' });
    await pipeline.release();
    expect(zipped.verification!.maxDifference).toBeLessThan(1e-5);
    const entries = unzipSync(new Uint8Array(await zipped.files[0]!.blob.arrayBuffer()));
    expect(Object.keys(entries).sort()).toEqual(['model.onnx', 'model.onnx.data', 'notes.txt']);
    const data = Buffer.from(await apart.files[1]!.blob.arrayBuffer());
    expect(data.length).toBeGreaterThan(2 * 64 * 64 * 4);
    expect(data.length).toBeLessThan(Buffer.concat(weights).length);
    expect(Buffer.compare(entries['model.onnx.data']!, data)).toBe(0);
    expect([...readModel(entries['model.onnx']!).graph.initializers.keys()]).toEqual(
      expect.arrayContaining(['blocks.0.conv.weight', 'blocks.2.conv.weight']),
    );
  } finally {
    await rm(files, { recursive: true });
  }
});
