/** States in one call give what each gives alone, on the bundled teachers; where a graph takes no batch, each stays alone. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { buildModel } from '../onnx/testing/buildModel';
import { writeModel } from '../onnx/writeModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { openPipeline } from './openPipeline';
import type { Pipeline } from './Pipeline';
import { groupOutputs, groupStates, type ProbedState } from './stateGroups';
import { latentError, outputOn, teacherRun } from './teacherRuns';
import { unitsOf } from './units';
import { TEACHER, variantOf } from './Variant';

async function statesOf(pipeline: Pipeline, seeds: readonly number[]): Promise<ProbedState[]> {
  const states: ProbedState[] = [];
  for (const seed of seeds) {
    const run = await teacherRun(pipeline, { ...pipeline.description.defaults, seed });
    states.push(...run.states.map((state) => ({ run, state })));
  }
  return states;
}

const grouped = (pipeline: Pipeline, states: readonly ProbedState[]) =>
  groupStates(pipeline, states, (group) => groupOutputs(pipeline, TEACHER, group));

describe.each([
  ['emoji-t2v', [4, 1]],
  ['emoji-hy', [4, 1]], // its guidance is an input
])('states of %s', (name, sizes) => {
  it('give together what each gives alone, clips of two seeds in one call', { timeout: 120_000 }, async () => {
    const pipeline = await openPipeline(await nodeFolder(`public/models/${name}`), nodeRuntime());
    try {
      const states = (await statesOf(pipeline, [1, 2])).slice(2, 7);
      const groups = await grouped(pipeline, states);
      expect(groups.map(({ group }) => group.length)).toEqual(sizes);
      const [unit] = unitsOf(pipeline.denoiser.tree, 'layers').slice(3);
      const student = variantOf(unit!.plan);
      const outputs = await groupOutputs(pipeline, student, groups[0]!.group);
      for (const [index, { run, state }] of groups[0]!.group.entries()) {
        const alone = await outputOn(pipeline, student, run, state);
        const damage = latentError(pipeline, state.output, alone).total;
        expect(latentError(pipeline, alone, outputs[index]!).total).toBeLessThan(1e-9 + 1e-6 * damage);
      }
    } finally {
      await pipeline.release();
    }
  });
});

/** A denoiser of one convolution; `mixed`: what it adds is the mean over the batch, which no call of several states may have. */
const small = (batch: string | number, timesteps: string | number, mixed: boolean) =>
  buildModel(
    (b) => {
      const sample = b.input('sample', [batch, 4, 4, 8, 8]);
      b.input('timestep', [timesteps]);
      const x = b.op('Conv', [sample, b.weight('conv_in.weight', [4, 4, 1, 1, 1])], {}, { name: '/conv_in/Conv' });
      const inner = b.op('Conv', [x, b.weight('blocks.0.weight', [4, 4, 1, 1, 1])], {}, { name: '/blocks.0/Conv' });
      const mean = () => b.op('ReduceMean', [inner, b.ints('axes', [0])], { keepdims: 1 }, { name: '/blocks.0/Mean' });
      const y = b.op('Add', [x, mixed ? mean() : inner], {}, { name: '/blocks.0/Add' });
      const out = { name: '/conv_out/Conv', outputs: ['out_sample'] };
      b.op('Conv', [y, b.weight('conv_out.weight', [4, 4, 1, 1, 1])], {}, out);
      b.output('out_sample', [batch, 4, 4, 8, 8]);
    },
    { opset: 18 },
  );

describe('a graph that', () => {
  it.each([
    ['has an axis of clips: together', small('batch', 'batch', false), [3]],
    ['has a batch of one: alone', small(1, 1, false), [1, 1, 1]],
    ['mixes the clips of a call: alone', small('batch', 'batch', true), [1, 1, 1]],
    ['has one timestep for all clips: alone', small('batch', 1, false), [1, 1, 1]],
  ])('%s', async (_, model, sizes) => {
    const folder = await mkdtemp(join(tmpdir(), 'groups-'));
    await writeFile(join(folder, 'model.onnx'), writeModel(model));
    const pipeline = await openPipeline(await nodeFolder(join(folder, 'model.onnx')), nodeRuntime());
    try {
      const run = await teacherRun(pipeline, { prompt: '', seed: 1, steps: 3, guidance: 1 });
      const groups = await grouped(
        pipeline,
        run.states.map((state) => ({ run, state })),
      );
      expect(groups.map(({ group }) => group.length)).toEqual(sizes);
    } finally {
      await pipeline.release();
      await rm(folder, { recursive: true });
    }
  });
});
