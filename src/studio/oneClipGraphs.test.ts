/** Graphs that leave the number of clips open where exporters wrote it down inside: with guidance they are called once for each branch. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import type { Dim, Model } from '../onnx/model';
import { writeModel } from '../onnx/writeModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { openPipeline } from './openPipeline';
import { attentionModel } from './testing/attentionModel';
import { TEACHER } from './Variant';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'one-clip-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The same graph, whose Reshape to [1, 4, 32] stays, with an input that declares another first axis. */
function declared(first: Dim): Model {
  const model = attentionModel();
  const inputs = model.graph.inputs.map((input) =>
    input.name === 'sample' ? { ...input, type: { dataType: 'float32', shape: [first, 4, 2, 4, 4] } as const } : input,
  );
  return { ...model, graph: { ...model.graph, inputs } };
}

async function guided(model: Model) {
  await writeFile(join(folder, 'model.onnx'), writeModel(model));
  const pipeline = await openPipeline(await nodeFolder(join(folder, 'model.onnx')), nodeRuntime({ threads: 1 }));
  try {
    const settings = { prompt: '', seed: 1, steps: 2, guidance: 3 };
    const { clips } = await pipeline.sample({ takes: [{ variant: TEACHER, settings }], previewEvery: 0 }, {});
    return { clip: clips[0]!, ...pipeline.counters(), notes: pipeline.description.notes.join('\n') };
  } finally {
    await pipeline.release();
  }
}

describe('a graph that says it takes any number of clips', () => {
  it('and holds for one is sampled with guidance as the one that says so', async () => {
    const [open, fixed] = [await guided(declared('clips')), await guided(declared(1))];
    expect(open.clip).toEqual(fixed.clip);
    expect([open.denoiserRuns, fixed.denoiserRuns]).toEqual([4, 4]);
    expect(open.notes).toMatch(/once for each branch/);
    expect(fixed.notes).not.toMatch(/once for each branch/);
  });
});
