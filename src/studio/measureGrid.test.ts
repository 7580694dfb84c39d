/** The batch of prompts and seeds: what runs is counted, worst and harmless students are planted. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { compareClips } from '../metrics/compareClips';
import { buildModel } from '../onnx/testing/buildModel';
import { writeModel } from '../onnx/writeModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { gridSettings } from './gridData';
import { measureGrid } from './measureGrid';
import { openPipeline } from './openPipeline';
import type { Pipeline } from './Pipeline';
import { TEACHER, variantOf } from './Variant';

/** Two residual blocks: the first scaled to nothing, the second not. */
const planted = buildModel((b) => {
  let x = b.input('sample', [1, 4, 4, 8, 8]);
  b.input('timestep', [1]);
  x = b.op('Conv', [x, b.weight('conv_in.weight', [4, 4, 1, 1, 1])], {}, { name: '/conv_in/Conv' });
  for (const [block, gain] of [0, 1].entries()) {
    const path = `blocks.${block}`;
    const conv = b.op('Conv', [x, b.weight(`${path}.weight`, [4, 4, 1, 1, 1])], {}, { name: `/${path}/Conv` });
    const scaled = b.op('Mul', [conv, b.weight(`${path}.gain`, [1], [gain])], {}, { name: `/${path}/Mul` });
    x = b.op('Add', [x, scaled], {}, { name: `/${path}/Add` });
  }
  const out = { name: '/conv_out/Conv', outputs: ['out_sample'] };
  b.op('Conv', [x, b.weight('conv_out.weight', [4, 4, 1, 1, 1])], {}, out);
  b.output('out_sample', [1, 4, 4, 8, 8]);
});

const base = { prompt: '', seed: 7, steps: 3, guidance: 1 };
const harmless = variantOf({ dropped: ['blocks.0'] });
const harmful = variantOf({ dropped: ['blocks.1'] });

let folder: string;
let pipeline: Pipeline;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grid-'));
  await writeFile(join(folder, 'model.onnx'), writeModel(planted));
  pipeline = await openPipeline(await nodeFolder(join(folder, 'model.onnx')), nodeRuntime());
});

afterAll(async () => {
  await pipeline.release();
  await rm(folder, { recursive: true });
});

describe('prompts and seeds', () => {
  it('are every prompt with every seed, each prompt once', () => {
    const settings = gridSettings({ ...base, seed: 2 ** 32 - 1 }, ['a', 'b', 'a'], 2);
    expect(settings.map(({ prompt, seed }) => [prompt, seed])).toEqual([
      ['a', 4294967295],
      ['a', 0],
      ['b', 4294967295],
      ['b', 0],
    ]);
    expect(settings[0]).toMatchObject({ steps: 3, guidance: 1 });
  });
});

describe('the batch', () => {
  const settings = gridSettings(base, ['a', 'b'], 2);

  it('runs the teacher once for all students, and finds what was planted', async () => {
    const before = pipeline.counters().denoiserRuns;
    const cells = await measureGrid(pipeline, { variants: [harmless, harmful], settings });
    expect(pipeline.counters().denoiserRuns - before).toBe(settings.length * 3 * 3);
    expect(cells.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    for (const { figures } of cells) {
      expect(figures[0]!.psnr).toBe(Infinity);
      expect(figures[1]!.meanSquaredError).toBeGreaterThan(1);
    }
  });

  it('has the figures that a comparison of the same two clips has', async () => {
    const [cell] = await measureGrid(pipeline, { variants: [harmful], settings: settings.slice(1, 2) });
    const takes = [TEACHER, harmful].map((variant) => ({ variant, settings: settings[1]! }));
    const [teacher, student] = (await pipeline.sample({ takes, previewEvery: 0 })).clips;
    const { content, motion } = compareClips(teacher!, student!);
    expect(cell!.figures[0]!.errorContent).toBe(content.errorContent);
    expect(cell!.figures[0]!.errorMotion).toBe(motion.errorMotion);
  });

  it('gives way before every step, and stops within one call when told to', async () => {
    let turns = 0;
    const abort = new AbortController();
    const before = pipeline.counters().denoiserRuns;
    const turn = async () => {
      if (++turns === 4) abort.abort();
      abort.signal.throwIfAborted();
    };
    const stopped = measureGrid(pipeline, { variants: [harmful], settings }, { signal: abort.signal, turn });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    expect(pipeline.counters().denoiserRuns - before).toBe(3);
  });
});
