/** The batch by a feature model: its clips' features and their distances worked out here, other graphs told, and stopping. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import type { Clip } from '../metrics/Clip';
import { buildModel } from '../onnx/testing/buildModel';
import { writeModel } from '../onnx/writeModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import type { FeatureModelReference } from './featureData';
import { gridSettings } from './gridData';
import { measureFeatures } from './measureFeatures';
import { openPipeline } from './openPipeline';
import type { Pipeline } from './Pipeline';
import { TEACHER, variantOf } from './Variant';

const denoiser = buildModel((b) => {
  const sample = b.input('sample', [1, 4, 4, 8, 8]);
  b.input('timestep', [1]);
  const conv = b.op('Conv', [sample, b.weight('blocks.0.weight', [4, 4, 1, 1, 1])], {}, { name: '/blocks.0/Conv' });
  const x = b.op('Add', [sample, conv], {}, { name: '/blocks.0/Add' });
  const out = { name: '/conv_out/Conv', outputs: ['out_sample'] };
  b.op('Conv', [x, b.weight('conv_out.weight', [4, 4, 1, 1, 1])], {}, out);
  b.output('out_sample', [1, 4, 4, 8, 8]);
});

/** The mean of each colour over the whole clip, or the largest of all values. */
function reduced(
  name: string,
  shape: readonly (number | string)[],
  axes: readonly number[],
  features: number,
  operator: 'ReduceMean' | 'ReduceMax' = 'ReduceMean',
) {
  const model = buildModel((b) => {
    const clip = b.input('clip', shape);
    b.op(operator, [clip], { axes, keepdims: 0 }, { name: '/reduced', outputs: ['features'] });
    b.output('features', [1, features]);
  });
  return given(name, writeModel(model));
}

function given(name: string, bytes: Uint8Array): FeatureModelReference {
  const file = new Blob([bytes as Uint8Array<ArrayBuffer>]);
  return { folder: { kind: 'files', name, files: [{ path: name, file }] }, path: name, range: '0..1' };
}

const colours = reduced('colours.onnx', [1, 't', 3, 'h', 'w'], [1, 3, 4], 3);
const base = { prompt: '', seed: 7, steps: 2, guidance: 1 };
const student = variantOf({ dropped: ['blocks.0'] });

let folder: string;
let pipeline: Pipeline;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'measure-features-'));
  await writeFile(join(folder, 'model.onnx'), writeModel(denoiser));
  pipeline = await openPipeline(await nodeFolder(join(folder, 'model.onnx')), nodeRuntime());
});

afterAll(async () => {
  await pipeline.release();
  await rm(folder, { recursive: true });
});

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const coloursOf = ({ pixels }: Clip) => [0, 1, 2].map((c) => mean([...pixels].filter((_, i) => i % 4 === c)) / 255);

const largestOf = ({ pixels }: Clip) => Math.max(...pixels.filter((_, i) => i % 4 < 3)) / 255;

/** Unbiased, with KID's kernel. */
function discrepancy(ours: readonly number[][], theirs: readonly number[][]): number {
  const kernel = (a: readonly number[], b: readonly number[]) =>
    (a.reduce((dot, value, i) => dot + value * b[i]!, 0) / a.length + 1) ** 3;
  const within = (set: readonly number[][]) =>
    mean(set.flatMap((a, i) => set.filter((_, j) => j !== i).map((b) => kernel(a, b))));
  return within(ours) + within(theirs) - 2 * mean(ours.flatMap((a) => theirs.map((b) => kernel(a, b))));
}

describe('the batch by a feature model', () => {
  it('has the discrepancy of the features of its clips, and refuses FVD with the reason', async () => {
    const settings = gridSettings(base, ['a'], 5);
    const before = pipeline.counters().denoiserRuns;
    const told: number[] = [];
    const { model, about, clips, featureLength, pairs } = await measureFeatures(
      pipeline,
      { variants: [TEACHER, student], settings, model: colours },
      { onProgress: ({ done, of }) => told.push(done / of) },
    );
    expect(told).toEqual([0.2, 0.4, 0.6, 0.8, 1]);
    // a variant that is the teacher is not run again
    expect(pipeline.counters().denoiserRuns - before).toBe(5 * 2 * 2);
    expect([model, clips, featureLength]).toEqual(['colours.onnx', 5, 3]);
    expect(about).toContain('colours 0..1');
    const sides: [number[][], number[][]] = [[], []];
    for (const one of settings) {
      const takes = [TEACHER, student].map((variant) => ({ variant, settings: one }));
      (await pipeline.sample({ takes, previewEvery: 0 })).clips.forEach((clip, i) => sides[i]!.push(coloursOf(clip)));
    }
    expect(pairs.map(({ reference, candidate }) => [reference, candidate])).toEqual([
      [0, 1],
      [0, 2],
    ]);
    const [same, cut] = pairs;
    expect(same!.mmd!.value).toBeCloseTo(discrepancy(sides[0], sides[0]), 6);
    expect(cut!.mmd!.value).toBeCloseTo(discrepancy(...sides), 6);
    expect(Math.abs(cut!.mmd!.value)).toBeGreaterThan(1e-4); // so that six places say something
    expect(cut).toMatchObject({ frechet: null, refused: 'FVD needs at least 256 clips of each side; there are 5.' });
  });

  it('has no discrepancy of three clips, and a Frechet distance of 256', async () => {
    const model = reduced('largest.onnx', [1, 't', 3, 'h', 'w'], [1, 2, 3, 4], 1, 'ReduceMax');
    const few = { variants: [student], settings: gridSettings(base, ['a'], 3), model };
    expect((await measureFeatures(pipeline, few)).pairs[0]).toMatchObject({ mmd: null, frechet: null });
    const settings = gridSettings({ ...base, steps: 1 }, ['a'], 256);
    const [pair] = (await measureFeatures(pipeline, { variants: [student], settings, model })).pairs;
    const sides: [number[], number[]] = [[], []];
    for (const one of settings) {
      const takes = [TEACHER, student].map((variant) => ({ variant, settings: one }));
      const { clips } = await pipeline.sample({ takes, previewEvery: 0 });
      clips.forEach((clip, i) => sides[i]!.push(largestOf(clip)));
    }
    // of one feature: the squared differences of means and of deviations
    const deviation = (side: readonly number[]) =>
      Math.sqrt(side.reduce((sum, value) => sum + (value - mean(side)) ** 2, 0) / 255);
    const [ours, theirs] = sides;
    const expected = (mean(ours) - mean(theirs)) ** 2 + (deviation(ours) - deviation(theirs)) ** 2;
    expect(pair!.frechet! / expected).toBeCloseTo(1, 3);
    expect(pair).not.toHaveProperty('refused');
  });

  it('tells a graph that gives no features, and a file that is no graph, before anything is sampled', async () => {
    const before = pipeline.counters().denoiserRuns;
    const picture = reduced('picture.onnx', [1, 3, 8, 8], [2, 3], 3);
    for (const [model, code] of [
      [picture, 'metrics/feature-model'],
      [given('torn.onnx', new Uint8Array([1, 2, 3])), /^onnx\//],
      [given('clip.gif', new Uint8Array([1, 2, 3])), 'library/no-model'],
    ] as const) {
      const asked = measureFeatures(pipeline, { variants: [student], settings: gridSettings(base, ['a'], 4), model });
      await expect(asked).rejects.toMatchObject({
        code: typeof code === 'string' ? code : expect.stringMatching(code),
      });
    }
    expect(pipeline.counters().denoiserRuns).toBe(before);
  });

  it('stops within one call when told to', async () => {
    const settings = gridSettings(base, ['a'], 4);
    const abort = new AbortController();
    const before = pipeline.counters().denoiserRuns;
    let turns = 0;
    const turn = async () => {
      if (++turns === 3) abort.abort();
    };
    const asked = { variants: [student], settings, model: colours };
    await expect(measureFeatures(pipeline, asked, { signal: abort.signal, turn })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(pipeline.counters().denoiserRuns - before).toBeLessThanOrEqual(3 * 2);
  });
});
