/**
 * Importance and plans on a denoiser whose damages are planted: a block scaled to nothing, one that moves nothing but
 * what is the same in every frame, one that touches motion alone, and a harmless expensive one.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { buildModel } from '../onnx/testing/buildModel';
import { writeModel } from '../onnx/writeModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { measureImportance } from './importance';
import { openPipeline } from './openPipeline';
import type { Pipeline } from './Pipeline';
import { frontOf, planCuts } from './planCuts';
import { unitsOf } from './units';

const FRAMES = 4;

/** x + gain * conv(part of x): the part is all of x, its mean over frames, or what is left of it. */
const planted = buildModel(
  (b) => {
    const sample = b.input('sample', [1, 4, FRAMES, 8, 8]);
    b.input('timestep', [1]);
    let x = b.op('Conv', [sample, b.weight('conv_in.weight', [4, 4, 1, 1, 1])], {}, { name: '/conv_in/Conv' });
    const block = (name: string, part: 'all' | 'mean' | 'rest', gain: number) => {
      const path = `blocks.${name}`;
      const node = (op: string) => ({ name: `/${path}/${op}` });
      const mean = () =>
        b.op(
          'Expand',
          [
            b.op('ReduceMean', [x, b.ints(`${path}.axes`, [2])], { keepdims: 1 }, node('ReduceMean')),
            b.ints(`${path}.shape`, [1, 4, FRAMES, 8, 8]),
          ],
          {},
          node('Expand'),
        );
      const input = part === 'all' ? x : part === 'mean' ? mean() : b.op('Sub', [x, mean()], {}, node('Sub'));
      const conv = b.op('Conv', [input, b.weight(`${path}.weight`, [4, 4, 1, 1, 1])], {}, node('Conv'));
      const scaled = b.op('Mul', [conv, b.weight(`${path}.gain`, [1], [gain])], {}, node('Mul'));
      x = b.op('Add', [x, scaled], {}, node('Add'));
    };
    block('0', 'all', 0);
    block('1', 'mean', 1);
    block('2', 'rest', 1);
    block('3', 'all', 0.001);
    b.op(
      'Conv',
      [x, b.weight('conv_out.weight', [4, 4, 1, 1, 1])],
      {},
      { name: '/conv_out/Conv', outputs: ['out_sample'] },
    );
    b.output('out_sample', [1, 4, FRAMES, 8, 8]);
  },
  { opset: 18 },
);

let folder: string;
let pipeline: Pipeline;
const clips = [1, 2].map((seed) => ({ prompt: '', seed, steps: 3, guidance: 1 }));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'importance-'));
  await writeFile(join(folder, 'model.onnx'), writeModel(planted));
  pipeline = await openPipeline(await nodeFolder(join(folder, 'model.onnx')), nodeRuntime());
});

afterAll(async () => {
  await pipeline.release();
  await rm(folder, { recursive: true });
});

describe('importance', () => {
  it('tells blocks that do nothing, touch content alone and touch motion alone', async () => {
    const units = unitsOf(pipeline.denoiser.tree, 'layers');
    expect(units.map(({ id }) => id)).toEqual(['blocks.0', 'blocks.1', 'blocks.2', 'blocks.3']);
    const { units: measured } = await measureImportance(pipeline, units, clips);
    const [nothing, content, motion, little] = measured.map(({ output }) => output);
    expect(nothing!.total).toBeLessThan(1e-12);
    expect(content!.content).toBeGreaterThan(1e-3);
    expect(content!.motion).toBeLessThan(1e-6 * content!.content);
    expect(motion!.motion).toBeGreaterThan(1e-3);
    expect(motion!.content).toBeLessThan(1e-6 * motion!.motion);
    expect(little!.total).toBeLessThan(1e-3 * motion!.total);
    expect(content!.halfInterval).toBeGreaterThan(0);
  });

  it('runs the teacher once a clip and each unit once a state, and stops when told to', async () => {
    const units = unitsOf(pipeline.denoiser.tree, 'layers');
    const before = pipeline.counters().denoiserRuns;
    await measureImportance(pipeline, units, clips);
    const states = clips.length * 3;
    expect(pipeline.counters().denoiserRuns - before).toBe(states * (1 + units.length));
    const abort = new AbortController();
    const stopped = measureImportance(pipeline, units, clips, {
      signal: abort.signal,
      onProgress: () => abort.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    expect(pipeline.counters().denoiserRuns - before).toBeLessThanOrEqual(states * (1 + units.length) + states * 2 + 1);
  });
});

describe('plans', () => {
  const request = () => ({ units: unitsOf(pipeline.denoiser.tree, 'layers'), settings: clips, randomPlans: 6 });

  it('drop what does nothing first, and beat every baseline of the same cost', async () => {
    const units = request().units.length;
    const share = 1 - 1.5 / (units + 2); // two of the four blocks have to go
    const result = await planCuts(pipeline, { ...request(), budget: { currency: 'parameters', share } });
    expect(result.fits).toBe(true);
    expect([...result.plan.dropped].sort()).toEqual(['blocks.0', 'blocks.3']);
    for (const { error } of result.baselines) expect(result.error.total).toBeLessThanOrEqual(error.total + 1e-12);
    expect(result.baselines.map(({ name }) => name)).toEqual([
      'block influence',
      'isolated damage, added up',
      'contiguous',
      'random, mean of 6',
    ]);
  });

  it('weigh content against motion, and keep what is locked', async () => {
    const budget = { currency: 'parameters', share: 1 - 2.5 / 6 } as const; // three of four
    const still = await planCuts(pipeline, { ...request(), budget, content: 1, motion: 0 });
    expect(still.plan.dropped).toContain('blocks.2');
    const moving = await planCuts(pipeline, { ...request(), budget, content: 0, motion: 1 });
    expect(moving.plan.dropped).toContain('blocks.1');
    const locked = await planCuts(pipeline, { ...request(), budget, content: 1, motion: 0, locked: ['blocks.0'] });
    expect(locked.plan.dropped).not.toContain('blocks.0');
  });

  it('say when no plan is cheap enough, and show a front in which nothing is beaten', async () => {
    const result = await planCuts(pipeline, { ...request(), budget: { currency: 'parameters', share: 0.01 } });
    expect(result.fits).toBe(false);
    expect(result.plan.dropped).toHaveLength(4);
    for (const a of result.front) {
      for (const b of result.front) {
        expect(a !== b && a.cost.macs <= b.cost.macs && a.error.total <= b.error.total).toBe(false);
      }
    }
    expect(frontOf([])).toEqual([]);
  });
});
