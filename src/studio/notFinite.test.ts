/** Models with a planted NaN or Inf: told with the step and the block, by sampling, and by the comparison of an export. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import type { Model } from '../onnx/model';
import { mapTensors } from '../onnx/tensors';
import { writeModel } from '../onnx/writeModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { requireFiniteOutput } from '../runtime/notFinite';
import { openPipeline } from './openPipeline';
import type { Pipeline } from './Pipeline';
import { attentionModel } from './testing/attentionModel';
import { variantOf } from './Variant';

function planted(weight: string, value: number): Model {
  return mapTensors(attentionModel(), (tensor) => {
    if (tensor.name !== weight) return tensor;
    const bytes = new Uint8Array(new Float32Array(tensor.dims.reduce((a, b) => a * b)).fill(value).buffer);
    return { ...tensor, data: { kind: 'inline', bytes } };
  });
}

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'not-finite-'));
});
afterAll(() => rm(folder, { recursive: true }));

const settings = { prompt: '', seed: 1, steps: 3, guidance: 1 };

async function withModel<T>(model: Model, work: (pipeline: Pipeline) => Promise<T>): Promise<T> {
  await writeFile(join(folder, 'model.onnx'), writeModel(model));
  const pipeline = await openPipeline(await nodeFolder(join(folder, 'model.onnx')), nodeRuntime({ threads: 1 }));
  try {
    return await work(pipeline);
  } finally {
    await pipeline.release();
  }
}

const sampling = (model: Model, dropped: readonly string[]) =>
  withModel(model, (pipeline) =>
    pipeline.sample({ takes: [{ variant: variantOf({ dropped }), settings }], previewEvery: 0 }, {}),
  );

describe('values that are not finite', () => {
  it.each([
    ['blocks.1.q.weight', NaN, 'blocks.1', /Step 1 of 3.* in the block blocks\.1/],
    ['blocks.2.up.weight', Infinity, 'blocks.2', /Step 1 of 3.* in the block blocks\.2/],
    ['proj_out.weight', Infinity, undefined, /Step 1 of 3.* after the last block/],
  ])('in %s are told with step and block', async (weight, value, block, sentence) => {
    const failing = sampling(planted(weight, value), []);
    await expect(failing).rejects.toMatchObject({
      code: 'engine/not-finite',
      message: expect.stringMatching(sentence),
    });
    const { facts } = (await failing.catch((thrown: unknown) => thrown)) as { facts: { block?: string } };
    expect(facts.block?.replace(/\.(attn|ff).*|#.*/, '')).toBe(block);
  });

  it('are gone with their block', async () => {
    const { clips } = await sampling(planted('blocks.1.q.weight', NaN), ['blocks.1']);
    expect(new Set(clips[0]!.pixels).size).toBeGreaterThan(10);
  });

  it('in a student of a model that is sound where it is whole cannot be compared: the export says so', async () => {
    const request = { format: 'onnx', settings, variant: variantOf({ dropped: ['blocks.3'] }) } as const;
    const { verification, unverified } = await withModel(planted('blocks.1.v.weight', NaN), (pipeline) =>
      pipeline.exportStudent(request),
    );
    expect(verification).toBeUndefined();
    expect(unverified).toMatch(/not finite/);
  });

  it('of a decoder or text encoder are no clip and no text', () => {
    expect(() => requireFiniteOutput('The decoder', Float32Array.of(1, NaN, -Infinity))).toThrow('2 of 3 values');
    requireFiniteOutput('The decoder', Float32Array.of(1, -3e38));
  });
});
