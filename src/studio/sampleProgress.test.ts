/** What sampling tells on its way: previews with their comparison, and the whole clips before theirs is measured. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { compareClips } from '../metrics/compareClips';
import { buildModel } from '../onnx/testing/buildModel';
import { writeModel } from '../onnx/writeModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { openPipeline } from './openPipeline';
import type { SampleProgress } from './sampleData';
import { TEACHER, variantOf } from './Variant';

/** One residual block. */
const model = buildModel((b) => {
  let x = b.input('sample', [1, 4, 4, 8, 8]);
  b.input('timestep', [1]);
  x = b.op('Conv', [x, b.weight('conv_in.weight', [4, 4, 1, 1, 1])], {}, { name: '/conv_in/Conv' });
  const conv = b.op('Conv', [x, b.weight('blocks.0.weight', [4, 4, 1, 1, 1])], {}, { name: '/blocks.0/Conv' });
  x = b.op('Add', [x, conv], {}, { name: '/blocks.0/Add' });
  const out = { name: '/conv_out/Conv', outputs: ['out_sample'] };
  b.op('Conv', [x, b.weight('conv_out.weight', [4, 4, 1, 1, 1])], {}, out);
  b.output('out_sample', [1, 4, 4, 8, 8]);
});

it('tells the whole clips before they are compared; a student without edits takes no call of its own', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'takes-'));
  await writeFile(join(folder, 'model.onnx'), writeModel(model));
  const pipeline = await openPipeline(await nodeFolder(join(folder, 'model.onnx')), nodeRuntime());
  try {
    const settings = { prompt: '', seed: 7, steps: 3, guidance: 1 };
    const sampled = async (dropped: string[]) => {
      const told: SampleProgress[] = [];
      const takes = [TEACHER, variantOf({ dropped })].map((variant) => ({ variant, settings }));
      const result = await pipeline.sample({ takes, previewEvery: 1 }, { onProgress: (step) => told.push(step) });
      return { told, result };
    };
    const same = await sampled([]);
    expect(pipeline.counters().denoiserRuns).toBe(3);
    expect(same.result.clips[1]).toBe(same.result.clips[0]);

    const { told, result } = await sampled(['blocks.0']);
    expect(pipeline.counters().denoiserRuns).toBe(6); // the teacher's are kept
    expect(told.map(({ step, comparisons }) => [step, comparisons.map((one) => one !== undefined)])).toEqual([
      [1, [false, true]],
      [2, [false, true]],
      [3, [false, false]],
    ]);
    expect(told[2]!.clips).toEqual(result.clips);
    expect(result.comparisons[1]).toEqual(compareClips(result.clips[0]!, result.clips[1]!));
    expect(result.comparisons[1]!.meanSquaredError).toBeGreaterThan(0);
  } finally {
    await pipeline.release();
    await rm(folder, { recursive: true });
  }
});
