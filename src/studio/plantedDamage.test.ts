/**
 * Damage known by construction: a block scaled to do nothing, one that moves pixels only, one that adds a constant only.
 * They are ranked rightly by the outputs, by noise band and by the final latent, and block influence is what it says.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { buildModel } from '../onnx/testing/buildModel';
import { writeModel } from '../onnx/writeModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { meanCosine, measureInfluence } from './blockInfluence';
import { measureImportance } from './importance';
import { openPipeline } from './openPipeline';
import type { Pipeline } from './Pipeline';
import { teacherRun } from './teacherRuns';
import { unitsOf } from './units';

const SHAPE = [1, 4, 4, 8, 8];

const planted = buildModel(
  (b) => {
    const sample = b.input('sample', SHAPE);
    b.input('timestep', [1]);
    let x = b.op('Conv', [sample, b.weight('conv_in.weight', [4, 4, 1, 1, 1])], {}, { name: '/conv_in/Conv' });
    const block = (name: string, kind: 'nothing' | 'motion' | 'constant') => {
      const path = `blocks.${name}`;
      const node = (op: string) => ({ name: `/${path}/${op}` });
      const axes = b.ints(`${path}.axes`, [2]);
      const mean = () => b.op('ReduceMean', [x, axes], { keepdims: 1 }, node('ReduceMean'));
      const zero = () => b.op('Mul', [x, b.weight(`${path}.zero`, [1], [0])], {}, node('zero'));
      const input =
        kind === 'nothing'
          ? x
          : kind === 'motion'
            ? b.op('Sub', [x, mean()], {}, node('Sub'))
            : b.op('Add', [zero(), b.weight(`${path}.constant`, [1, 4, 1, 8, 8])], {}, node('constant'));
      const conv = b.op('Conv', [input, b.weight(`${path}.weight`, [4, 4, 1, 1, 1])], {}, node('Conv'));
      const gain = b.weight(`${path}.gain`, [1], [kind === 'nothing' ? 0 : 1]);
      x = b.op('Add', [x, b.op('Mul', [conv, gain], {}, node('Mul'))], {}, node('Add'));
    };
    block('0', 'constant');
    block('1', 'nothing');
    block('2', 'motion');
    const out = { name: '/conv_out/Conv', outputs: ['out_sample'] };
    b.op('Conv', [x, b.weight('conv_out.weight', [4, 4, 1, 1, 1])], {}, out);
    b.output('out_sample', SHAPE);
  },
  { opset: 18 },
);

let folder: string;
let pipeline: Pipeline;
const clips = [1, 2, 3].map((seed) => ({ prompt: '', seed, steps: 3, guidance: 1 }));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planted-'));
  await writeFile(join(folder, 'model.onnx'), writeModel(planted));
  pipeline = await openPipeline(await nodeFolder(join(folder, 'model.onnx')), nodeRuntime());
});

afterAll(async () => {
  await pipeline.release();
  await rm(folder, { recursive: true });
});

describe('planted damage', () => {
  it('is found where it was put: outputs, bands and final latents', async () => {
    const units = unitsOf(pipeline.denoiser.tree, 'layers');
    expect(units.map(({ id }) => id)).toEqual(['blocks.0', 'blocks.1', 'blocks.2']);
    const { units: measured } = await measureImportance(pipeline, units, clips, { final: true, times: true });
    const [constant, nothing, motion] = measured;
    expect([nothing!.output.total, nothing!.final!.total]).toEqual([0, 0]);
    for (const of of [constant!.output, constant!.final!]) {
      expect(of.content).toBeGreaterThan(1e-3);
      expect(of.motion).toBeLessThan(1e-6 * of.content);
      expect(of.content + of.motion).toBeCloseTo(of.total, 6);
    }
    expect(motion!.output.motion).toBeGreaterThan(1e-3);
    expect(motion!.output.content).toBeLessThan(1e-6 * motion!.output.motion);
    expect(motion!.output.halfMotion).toBeGreaterThan(0);
    expect(constant!.output.halfContent).toBeLessThan(1e-3 * constant!.output.content); // the same whatever the clip
    for (const { highNoise, lowNoise } of measured) expect(highNoise ?? lowNoise).not.toBeNull();
    for (const { savedMs } of measured) expect(savedMs!.low).toBeLessThanOrEqual(savedMs!.high);
  });

  it('does not fool block influence where nothing is done', async () => {
    const run = await teacherRun(pipeline, clips[0]!);
    const influence = await measureInfluence(pipeline, unitsOf(pipeline.denoiser.tree, 'layers'), run);
    expect(influence['blocks.1']![0]).toBeCloseTo(0, 6);
    expect(influence['blocks.2']![0]).toBeGreaterThan(1e-3);
  });

  it('has cosines over channels: the second axis of clips, the last of tokens', () => {
    const tensor = (dims: readonly number[], values: readonly number[]) =>
      ({ dataType: 'float32', dims, data: Float32Array.from(values) }) as const;
    const [a, b] = [
      [1, 2, 0, 2],
      [0, 2, 1, 2],
    ];
    expect(meanCosine(tensor([1, 2, 2, 1], a!), tensor([1, 2, 2, 1], b!))).toBeCloseTo((0 + 1) / 2, 6); // (1,0)(0,1); (2,2)(2,2)
    expect(meanCosine(tensor([1, 2, 2], a!), tensor([1, 2, 2], b!))).toBeCloseTo(
      (2 / Math.sqrt(5) + 2 / Math.sqrt(5)) / 2,
      3,
    );
  });
});
