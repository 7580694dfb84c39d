/** Runs that are kept, killed and gone on with, and weights that are found again, on a linear denoiser in Node. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { memoryDirectory } from '../library/testing/memoryDirectory';
import { writeModel } from '../onnx/writeModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { defaultHealSettings, type HealSettings } from '../studio/healing/healData';
import { linearDenoiser } from '../studio/healing/testing/linearDenoiser';
import { openPipeline } from '../studio/openPipeline';
import type { Pipeline } from '../studio/Pipeline';
import { type Edit, variantOf } from '../studio/Variant';
import { type HealJobContext, runHealing } from './healJob';
import type { HealJobRequest, HealReport } from './healJobData';
import { type HealStore, healStore } from './healStore';
import type { PipelineName } from './pipelineName';
import { loadStoredWeights } from './storedWeights';

const settings: HealSettings = {
  ...defaultHealSettings,
  steps: 60,
  learningRate: 0.02,
  clips: 8,
  heldOutClips: 2,
  prompts: [''],
  samplingSteps: 4,
  guidance: 1,
};
const edit: Edit = { plan: { dropped: ['blocks.0'] }, weights: 'original' };
const clip = { prompt: '', seed: 5, steps: 4, guidance: 1 };

let folder: string;
const opened: Pipeline[] = [];
/** As a reload of the page leaves it: nothing but the files. */
async function open(): Promise<Pipeline> {
  const pipeline = await openPipeline(await nodeFolder(join(folder, 'free.onnx')), nodeRuntime({ threads: 1 }));
  opened.push(pipeline);
  return pipeline;
}
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heal-job-'));
  await writeFile(join(folder, 'free.onnx'), writeModel(linearDenoiser('batch')));
});
afterAll(async () => {
  for (const one of opened) await one.release();
  await rm(folder, { recursive: true });
});

const named = (fingerprint: string): PipelineName => ({
  outline: 'outline',
  known: () => fingerprint,
  get: async () => fingerprint,
});

function storeWith(roomBytes = Infinity): HealStore {
  return healStore(memoryDirectory({ bytes: roomBytes }), memoryDirectory({ bytes: roomBytes }));
}

function run(pipeline: Pipeline, store: HealStore, request: HealJobRequest, context: Partial<HealJobContext> = {}) {
  const reports: HealReport[] = [];
  const { onProgress } = context;
  const whole: HealJobContext = {
    signal: new AbortController().signal,
    turn: async () => undefined,
    alone: () => true,
    onBusy: () => undefined,
    finish: () => false,
    ...context,
    onProgress: (report) => {
      reports.push(report);
      onProgress?.(report);
    },
  };
  const outcome = runHealing(pipeline, named('print'), request, whole, async () => store);
  return { outcome, reports };
}

describe('runHealing', () => {
  it('goes on after a reload from the last checkpoint, to the same weights', async () => {
    const whole = await run(await open(), storeWith(), { edit, settings }).outcome;
    const store = storeWith();
    // the tab dies at step 56: nothing is said to the run any more, and nothing is written
    const killed = run(
      await open(),
      store,
      { edit, settings },
      {
        onProgress: (report) => {
          if (report.phase === 'training' && report.done === 56) throw new Error('killed');
        },
      },
    );
    await expect(killed.outcome).rejects.toThrow('killed');
    const { checkpoints } = await store.list();
    expect(checkpoints).toMatchObject([{ fingerprint: 'print', edit, settings, step: 50, of: 60 }]);
    expect(checkpoints[0]!.best.total).toBeLessThan(checkpoints[0]!.before.total);

    const on = run(await open(), store, { edit, settings, from: checkpoints[0]!.id });
    const outcome = await on.outcome;
    expect(outcome.curves).toEqual(whole.curves);
    expect(outcome.weights).toBe(whole.weights);
    expect(on.reports.find(({ phase }) => phase === 'resumed')).toMatchObject({ curves: { training: { length: 50 } } });
    const after = await store.list();
    expect(after.checkpoints).toEqual([]);
    expect(after.students).toMatchObject([{ weights: whole.weights, edit, fingerprint: 'print' }]);
  });

  it('is kept at once when it is paused, and when another model is opened', async () => {
    const store = storeWith();
    const abort = new AbortController();
    const stopped = run(
      await open(),
      store,
      { edit, settings },
      {
        signal: abort.signal,
        turn: async (beforePausing) => beforePausing?.(),
        onProgress: (report) => report.phase === 'kept' && report.step === 3 && abort.abort(),
      },
    );
    await expect(stopped.outcome).rejects.toMatchObject({ name: 'AbortError' });
    expect((await store.list()).checkpoints.map(({ step }) => step)).toEqual([3]);
    const gone = run(await open(), store, { edit, settings, from: 'other' });
    await expect(gone.outcome).rejects.toMatchObject({ code: 'library/missing-file' });
  });

  it('finds the weights again, with which the student does what it did; more blocks can be dropped and healed', async () => {
    const store = storeWith();
    const pipeline = await open();
    const first = await run(pipeline, store, { edit, settings, clip }).outcome;
    const student = variantOf(edit.plan, { denoiser: first.weights! });
    const sampled = async (one: Pipeline, variant = student) =>
      (await one.sample({ takes: [{ variant, settings: clip }], previewEvery: 0 })).clips[0]!.pixels;
    const before = await sampled(pipeline);

    const fresh = await open();
    await expect(sampled(fresh)).rejects.toMatchObject({ code: 'engine/no-weights' });
    await loadStoredWeights(fresh, named('print'), student, async () => store);
    expect(await sampled(fresh)).toEqual(before);
    const other = loadStoredWeights(await open(), named('other print'), student, async () => store);
    await expect(other).rejects.toMatchObject({ code: 'engine/no-weights' });

    // only conv_out is trained on top: what the first run learnt stays in the others
    const more: Edit = { plan: { dropped: ['blocks.0', 'blocks.1'] }, weights: first.weights! };
    const second = await run(await open(), store, { edit: more, settings: { ...settings, train: '^conv_out' } })
      .outcome;
    expect(second.best.total).toBeLessThan(second.before.total);
    const last = await open();
    const [one, two] = [first.weights!, second.weights!];
    for (const weights of [one, two])
      await loadStoredWeights(
        last,
        named('print'),
        variantOf({ dropped: [] }, { denoiser: weights }),
        async () => store,
      );
    const added = last.denoiser.addedWeights();
    expect(added.get(two)!.get('conv_in.weight')).toEqual(added.get(one)!.get('conv_in.weight'));
    expect(added.get(two)!.get('conv_out.weight')).not.toEqual(added.get(one)!.get('conv_out.weight'));
    expect((await store.list()).students).toHaveLength(2);
  });

  it('says that nothing can be kept, and heals', async () => {
    const { outcome, reports } = run(await open(), storeWith(100), { edit, settings });
    const { unstored, weights } = await outcome;
    expect(weights).toBeDefined();
    expect(unstored).toMatchObject({ code: 'library/quota' });
    expect(reports.find(({ phase }) => phase === 'not-kept')).toMatchObject({ problem: { code: 'library/quota' } });
  });

  it('keeps nothing where nothing was gained', async () => {
    const store = storeWith();
    const harm = { ...settings, stages: ['end'] as const, learningRate: 3 }; // a repair alone would gain
    const { weights } = await run(await open(), store, { edit, settings: harm }).outcome;
    expect(weights).toBeUndefined();
    expect(await store.list()).toMatchObject({ students: [], checkpoints: [] });
  });

  it('shows the teacher, the student before, and the student as it learns', async () => {
    const pipeline = await open();
    const { outcome, reports } = run(pipeline, storeWith(), { edit, settings, clip });
    await outcome;
    const first = reports.find((report) => report.phase === 'first-clips')!;
    expect(first.before.pixels).not.toEqual(first.teacher.pixels);
    const distance = (pixels: Uint8ClampedArray) =>
      pixels.reduce((sum, level, i) => sum + (level - first.teacher.pixels[i]!) ** 2, 0);
    const last = reports.flatMap((report) => ('clip' in report && report.clip ? report.clip : [])).at(-1)!;
    expect(distance(last.clip.pixels)).toBeLessThan(0.5 * distance(first.before.pixels));
  });
});
