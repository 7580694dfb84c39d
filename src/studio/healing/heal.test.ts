/**
 * Healing where the answer is planted: the teacher is linear, so a student without its middle block can do exactly what the
 * teacher does, and the held-out error has to fall to next to nothing.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFolder } from '../../library/nodeFolder';
import type { Clip } from '../../metrics/Clip';
import type { Model } from '../../onnx/model';
import { writeModel } from '../../onnx/writeModel';
import { seededNoise } from '../../pipeline/seededNoise';
import { nodeRuntime } from '../../runtime/nodeRuntime';
import { openPipeline } from '../openPipeline';
import type { Pipeline } from '../Pipeline';
import { outputOn, teacherRun } from '../teacherRuns';
import { type Edit, TEACHER, variantOf } from '../Variant';
import { heal } from './heal';
import { decodeCheckpoint } from './healCheckpoint';
import { defaultHealSettings, type HealingClip, type HealSettings } from './healData';
import { healingClip } from './healingClip';
import { learningRateAt } from './healSchedule';
import { linearDenoiser } from './testing/linearDenoiser';
import { createTrainer } from './trainer';

const settings: HealSettings = {
  ...defaultHealSettings,
  stages: ['end'],
  steps: 300,
  learningRate: 0.02,
  batch: 4,
  clips: 8,
  heldOutClips: 2,
  prompts: [''],
  samplingSteps: 4,
  guidance: 1,
};
const edit: Edit = { plan: { dropped: ['blocks.0'] }, weights: 'original' };

let folder: string;
const opened: Pipeline[] = [];
async function open(name: string, model: Model): Promise<Pipeline> {
  const path = join(folder, `${name}.onnx`);
  await writeFile(path, writeModel(model));
  const pipeline = await openPipeline(await nodeFolder(path), nodeRuntime({ threads: 1 }));
  opened.push(pipeline);
  return pipeline;
}

let pipeline: Pipeline;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heal-'));
  pipeline = await open('free', linearDenoiser('batch'));
});
afterAll(async () => {
  for (const one of opened) await one.release();
  await rm(folder, { recursive: true });
});

describe('heal', () => {
  it('learns what the dropped block did, and the gated session says so too', async () => {
    expect(pipeline.denoiser.tree.blocks.map(({ id }) => id)).toContain('blocks.0');
    const result = await heal(pipeline, edit, settings);
    expect(result.before.total).toBeGreaterThan(1e-2);
    expect(result.best.total).toBeLessThan(5e-3 * result.before.total);
    expect(result.curves.training.map(({ step }) => step)).toEqual(Array.from({ length: 300 }, (_, i) => i));
    expect(result.curves.training[0]!.icd).toBeGreaterThan(0);
    const weights = await pipeline.denoiser.addWeights(result.tensors);
    const run = await teacherRun(pipeline, { prompt: '', seed: 77, steps: 4, guidance: 1 });
    for (const state of run.states) {
      const errorOf = async (variant: typeof TEACHER) => {
        const output = await outputOn(pipeline, variant, run, state);
        return output.reduce((sum, value, i) => sum + (value - state.output[i]!) ** 2, 0) / output.length;
      };
      const [unhealed, healed] = [
        await errorOf(variantOf(edit.plan)),
        await errorOf(variantOf(edit.plan, { denoiser: weights })),
      ];
      expect(healed).toBeLessThan(1e-2 * unhealed);
    }
    await pipeline.denoiser.removeWeights(weights);
  });

  it('repairs in closed form what it can, without a step', async () => {
    const result = await heal(pipeline, edit, { ...settings, stages: ['repair'] });
    expect(result.steps).toBe(0);
    expect(result.curves.heldOut.map(({ stage }) => stage)).toEqual([null, 'repair']);
    expect(result.best.total).toBeLessThan(1e-4 * result.before.total);
  });

  it('begins from nothing where told so, learns all the same, and leaves repair to others', async () => {
    const scratch: HealSettings = { ...settings, stages: ['end'], fromScratch: true };
    const result = await heal(pipeline, edit, scratch);
    const { curves } = await heal(pipeline, edit, { ...scratch, fromScratch: false });
    expect(result.before).toEqual(curves.heldOut[0]);
    expect(result.curves.training[0]!.output).toBeGreaterThan(1.2 * curves.training[0]!.output);
    expect(result.curves.training.at(-1)!.output).toBeLessThan(0.7 * result.curves.training[0]!.output);
    const repaired = heal(pipeline, edit, { ...scratch, stages: ['repair', 'end'] });
    await expect(repaired).rejects.toMatchObject({ code: 'passes/nothing-to-train' });
  });

  it('learns stage by stage from the teacher, then as a whole, and resumes within either', async () => {
    const both: HealSettings = { ...settings, stages: ['local', 'end'], steps: 80 };
    const whole = await heal(pipeline, edit, both);
    expect(whole.curves.training.map(({ stage }) => stage)).toEqual([
      ...new Array<string>(20).fill('local'),
      ...new Array<string>(60).fill('end'),
    ]);
    expect(whole.best.total).toBeLessThan(0.3 * whole.before.total);
    for (const at of [9, 33]) {
      const abort = new AbortController();
      let saved: Uint8Array | undefined;
      const killed = heal(pipeline, edit, both, {
        signal: abort.signal,
        onProgress: ({ done, training }) => training && done === at && abort.abort(),
        checkpoint: { everySteps: 1000, write: async (bytes) => void (saved = bytes) },
      });
      await expect(killed).rejects.toMatchObject({ name: 'AbortError' });
      const resumed = await heal(pipeline, edit, both, { resume: saved! });
      expect(resumed.curves).toEqual(whole.curves);
      expect(resumed.tensors).toEqual(whole.tensors);
    }
  });

  it('has a critic that sees a student that is wrong, and whose direction counts only then', async () => {
    const video = pipeline;
    const plan = { dropped: ['blocks.0'] };
    const learnt = { ...settings, steps: 80, mcaWeight: 0.01, learningRate: 1e-4, icdWeight: 0 };
    const result = await heal(video, { plan, weights: 'original' }, learnt);
    const critics = result.curves.training.map(({ critic }) => critic!);
    expect(critics[0]!.counts).toBe(false);
    expect(critics.every(({ accuracy, counts }) => counts === accuracy > 0.65)).toBe(true);
    expect(critics.at(-1)!.counts).toBe(true);
    const without = await heal(video, { plan, weights: 'original' }, { ...learnt, mcaWeight: 0 });
    const first = critics.findIndex(({ counts }) => counts);
    const output = (from: typeof result) => from.curves.training.map((point) => point.output);
    expect(output(result).slice(0, first + 1)).toEqual(output(without).slice(0, first + 1));
    expect(output(result).slice(first + 1)).not.toEqual(output(without).slice(first + 1));
    // where nothing was cut there is nothing to tell
    const whole = await heal(video, { plan: { dropped: [] }, weights: 'original' }, { ...learnt, steps: 40 });
    expect(Math.max(...whole.curves.training.map(({ critic }) => critic!.accuracy))).toBeLessThan(0.65);
  });

  it('goes on with its critic as it was', async () => {
    const video = pipeline;
    const short = { ...settings, steps: 30, mcaWeight: 0.01, learningRate: 1e-4 };
    const whole = await heal(video, edit, short);
    const abort = new AbortController();
    let saved: Uint8Array | undefined;
    const killed = heal(video, edit, short, {
      signal: abort.signal,
      onProgress: ({ done, training }) => training && done === 11 && abort.abort(),
      checkpoint: { everySteps: 1000, write: async (bytes) => void (saved = bytes) },
    });
    await expect(killed).rejects.toMatchObject({ name: 'AbortError' });
    const resumed = await heal(video, edit, short, { resume: saved! });
    expect(resumed.curves).toEqual(whole.curves);
    expect(resumed.tensors).toEqual(whole.tensors);
  });

  it('has the same critic where channels of a picture stand beside the latent', async () => {
    const learnt = { ...settings, steps: 40, mcaWeight: 0.01, learningRate: 1e-4, icdWeight: 0 };
    const beside = await heal(await open('picture', linearDenoiser('batch', { picture: 4 })), edit, learnt);
    const alone = await heal(pipeline, edit, learnt);
    expect(alone.curves.training.at(-1)!.critic!.counts).toBe(true);
    for (const [step, { output, critic }] of beside.curves.training.entries()) {
      const wanted = alone.curves.training[step]!;
      expect(output / wanted.output).toBeCloseTo(1, 3);
      expect(critic!.loss / wanted.critic!.loss).toBeCloseTo(1, 2);
      expect(critic!.counts).toBe(wanted.critic!.counts);
    }
  });

  it('has a critic where the output also predicts a variance, which it leaves alone', async () => {
    const model = await open('variance', linearDenoiser('batch', { variance: 4 }));
    const learnt = { ...settings, steps: 80, mcaWeight: 0.01, learningRate: 1e-4, icdWeight: 0 };
    const { curves } = await heal(model, edit, learnt);
    expect(curves.training.at(-1)!.critic!.counts).toBe(true);
    expect(curves.heldOut.at(-1)!.total).toBeLessThan(curves.heldOut[0]!.total);
  });

  it('has a critic that sees what is wrong with a model of one step', async () => {
    const own = join(folder, 'one step');
    await mkdir(join(own, 'unet'), { recursive: true });
    await mkdir(join(own, 'scheduler'));
    const described = {
      _class_name: 'TextToVideoSDPipeline',
      scheduler: ['diffusers', 'EulerDiscreteScheduler'],
      unet: ['diffusers', 'UNet3DConditionModel'],
    };
    await writeFile(join(own, 'model_index.json'), JSON.stringify(described));
    await writeFile(join(own, 'unet/model.onnx'), writeModel(linearDenoiser('batch')));
    const scheduler = {
      _class_name: 'EulerDiscreteScheduler',
      prediction_type: 'v_prediction',
      sigma_max: 80,
      use_karras_sigmas: true,
    };
    await writeFile(join(own, 'scheduler/scheduler_config.json'), JSON.stringify(scheduler));
    const oneStep = await openPipeline(await nodeFolder(own), nodeRuntime({ threads: 1 }));
    opened.push(oneStep);
    const learnt = { ...settings, samplingSteps: 1, steps: 80, mcaWeight: 0.01, learningRate: 1e-4, icdWeight: 0 };
    const { curves } = await heal(oneStep, edit, learnt);
    expect(curves.training.at(-1)!.critic!.counts).toBe(true);
  });

  it('refuses a critic where a call takes one clip', async () => {
    const fixed = await open('fixed critic', linearDenoiser(1));
    await expect(heal(fixed, edit, { ...settings, mcaWeight: 1 })).rejects.toMatchObject({
      code: 'passes/unbound-size',
    });
  });

  it('finds a learning rate that works, where none is given', async () => {
    const { learningRate: _, ...open } = settings;
    const result = await heal(pipeline, edit, { ...open, steps: 40 });
    expect([5e-4, 1e-3, 2e-3, 4e-3]).toContain(result.learningRate);
    expect(result.best.total).toBeLessThan(result.before.total);
    const same = await heal(pipeline, edit, { ...open, learningRate: result.learningRate!, steps: 40 });
    expect(same.curves).toEqual(result.curves); // the test leaves no trace
  });

  it('does the same where the graph takes one clip a call, by gathering gradients', async () => {
    const fixed = await open('fixed', linearDenoiser(1));
    const short = { ...settings, steps: 30 };
    const [one, many] = [await heal(fixed, edit, short), await heal(pipeline, edit, short)];
    one.curves.training.forEach(({ output }, i) => expect(output / many.curves.training[i]!.output).toBeCloseTo(1, 3));
  });

  it('goes on from a checkpoint as if it had never stopped, bit by bit', async () => {
    const short = { ...settings, steps: 60 };
    const whole = await heal(pipeline, edit, short);
    const abort = new AbortController();
    let saved: Uint8Array | undefined;
    const killed = heal(pipeline, edit, short, {
      signal: abort.signal,
      onProgress: ({ done, training }) => training && done === 37 && abort.abort(),
      checkpoint: { everySteps: 1000, write: async (bytes) => void (saved = bytes) },
    });
    await expect(killed).rejects.toMatchObject({ name: 'AbortError' });
    expect(decodeCheckpoint(saved!).step).toBe(37);
    const resumed = await heal(pipeline, edit, short, { resume: saved! });
    expect(resumed.curves).toEqual(whole.curves);
    expect(resumed.best).toEqual(whole.best);
    expect(resumed.tensors).toEqual(whole.tensors);
    const other = heal(pipeline, edit, { ...short, seed: 2 }, { resume: saved! });
    await expect(other).rejects.toMatchObject({ code: 'library/integrity' });
    // a graph that leaves the size open was trained at the one that it was opened at
    const sized = { ...pipeline, description: { ...pipeline.description, freeSizes: ['frames'] as const } };
    const otherSize = heal(sized, edit, short, { resume: saved! });
    await expect(otherSize).rejects.toMatchObject({ code: 'library/integrity' });
    const cut = heal(pipeline, edit, short, { resume: saved!.slice(0, -4) });
    await expect(cut).rejects.toMatchObject({ code: 'library/integrity' });
  });

  it('writes a checkpoint whenever one is wanted, and from any of them it goes on bit by bit', async () => {
    const short = { ...settings, steps: 40 };
    const written = new Map<number, Uint8Array>();
    const whole = await heal(pipeline, edit, short, {
      checkpoint: {
        everySteps: 20,
        wanted: (step) => step === 3 || step === 33,
        write: async (bytes, { step }) => void written.set(step, bytes),
      },
    });
    expect([...written.keys()]).toEqual([3, 20, 33, 40]);
    for (const resume of [written.get(3)!, written.get(33)!])
      expect((await heal(pipeline, edit, short, { resume })).tensors).toEqual(whole.tensors);
  });

  it.each([
    ["a clip of the student's", 10],
    ['the clips that it learns from', 0],
  ])('keeps its last step when a pause comes within %s', async (_, measuredStep) => {
    const short = { ...settings, steps: 40 };
    const whole = await heal(pipeline, edit, short);
    const kept: number[] = [];
    let callsSince = -Infinity;
    let saved: Uint8Array | undefined;
    await heal(pipeline, edit, short, {
      clip: { prompt: '', seed: 5, steps: 4, guidance: 1 },
      onProgress: ({ heldOut }) => {
        if (heldOut?.step === measuredStep) callsSince = 0;
      },
      turn: async (beforePausing) => {
        if (++callsSince === 3) await beforePausing();
      },
      checkpoint: {
        everySteps: 1000,
        write: async (bytes, at) => {
          kept.push(at.step);
          saved = bytes;
        },
      },
    });
    expect(kept).toEqual([measuredStep]);
    const resumed = await heal(pipeline, edit, short, { resume: saved! });
    expect(resumed.tensors).toEqual(whole.tensors);
    expect(resumed.curves).toEqual(whole.curves);
  });

  it('shows clips of the student as it learns, which change nothing of what is learnt', async () => {
    const short = { ...settings, steps: 40 };
    const clips: HealingClip[] = [];
    const shown = await heal(pipeline, edit, short, {
      clip: { prompt: '', seed: 5, steps: 4, guidance: 1 },
      onProgress: ({ clip }) => clip && clips.push(clip),
    });
    expect(clips[0]).toMatchObject({ step: 10, clip: { frameCount: 4 } });
    expect(shown.tensors).toEqual((await heal(pipeline, edit, short)).tensors);
  });

  it('samples them as the gated session does', async () => {
    const clip = { prompt: '', seed: 5, steps: 4, guidance: 1 };
    const trainer = await createTrainer(pipeline, edit, settings, 'end');
    const learning = await healingClip(pipeline, trainer, clip);
    await trainer.release();
    const { clips } = await pipeline.sample({
      takes: [TEACHER, variantOf(edit.plan)].map((variant) => ({ variant, settings: clip })),
      previewEvery: 0,
    });
    const apart = (other: Clip) => Math.max(...learning.pixels.map((level, i) => Math.abs(level - other.pixels[i]!)));
    expect(apart(clips[1]!)).toBeLessThanOrEqual(1);
    expect(apart(clips[0]!)).toBeGreaterThan(10);
  });

  it.each([
    ['harms', 3],
    ['blows up', 1e30],
  ])('keeps the untouched student where the rate %s', async (_, learningRate) => {
    const result = await heal(pipeline, edit, { ...settings, learningRate });
    expect(['no-gain', 'not-finite']).toContain(result.end);
    expect(result.steps).toBeLessThan(settings.steps);
    expect(result.best).toEqual(result.before);
    expect(result.tensors.size).toBe(0);
  });

  it('ends when told, with the best so far', async () => {
    let steps = 0;
    const result = await heal(pipeline, edit, settings, {
      onProgress: ({ training }) => training && steps++,
      finish: () => steps >= 100,
    });
    expect([result.end, result.steps]).toEqual(['told', 100]);
    expect(result.tensors.size).toBeGreaterThan(0);
  });

  it('leaves weights, moments and averages on the device', async () => {
    const sent: number[] = [];
    const moved = () => pipeline.runtime.traffic.toDeviceBytes + pipeline.runtime.traffic.fromDeviceBytes;
    let at = moved();
    await heal(
      pipeline,
      edit,
      { ...settings, steps: 9, clips: 1 },
      {
        onProgress: ({ training }) => {
          if (!training) return;
          sent.push(moved() - at);
          at = moved();
        },
      },
    );
    const batchBytes = 2 * settings.batch * (4 * 4 * 8 * 8 + 1) * 4; // state and timestep, to teacher and student
    const numbers = 4 * 8; // losses, norm and rate
    for (const bytes of sent.slice(1)) expect(bytes).toBeLessThanOrEqual(batchBytes + numbers);
    expect(sent[1]).toBeGreaterThan(0);
  });

  it('learns from given clips as well, and needs no sampling of the teacher for it', async () => {
    const clips = Array.from({ length: 5 }, (_, index) => ({
      prompt: '',
      latent: seededNoise(index, 4 * 4 * 8 * 8).map((value) => value / 2),
    }));
    const given: HealSettings = { ...settings, steps: 120, ownClips: 'mine' };
    const sampled: number[] = [];
    const options = { clips, onProgress: () => sampled.push(pipeline.counters().denoiserRuns) };
    const result = await heal(pipeline, edit, given, options);
    expect(result.best.total).toBeLessThan(0.3 * result.before.total);
    expect(result.curves.training[1]!.output).not.toBe((await heal(pipeline, edit, given)).curves.training[1]!.output);
    const afterHeldOut = sampled[settings.heldOutClips + 1];
    expect(sampled.at(-1)).toBe(afterHeldOut);
  });

  it('trains what stands beside the cut alone', async () => {
    const result = await heal(pipeline, edit, { ...settings, steps: 40, train: 'near' });
    expect([...result.tensors.keys()]).toEqual(['conv_in.weight', 'blocks.1.weight']);
    const both = heal(pipeline, edit, { ...settings, train: 'low-rank' });
    await expect(both).rejects.toMatchObject({ code: 'passes/nothing-to-train' });
  });

  it('trains what is named alone', async () => {
    const result = await heal(pipeline, edit, { ...settings, steps: 40, train: '^conv_out' });
    expect([...result.tensors.keys()]).toEqual(['conv_out.weight']);
    const nothing = heal(pipeline, edit, { ...settings, train: 'nothing' });
    await expect(nothing).rejects.toMatchObject({ code: 'passes/nothing-to-train' });
  });
});

it('the rate warms up, stays, and falls to nothing', () => {
  expect(learningRateAt(0, 100, 1)).toBeCloseTo(0.1);
  expect(learningRateAt(30, 100, 1)).toBe(1);
  expect(learningRateAt(60, 100, 1)).toBe(1);
  expect(learningRateAt(80, 100, 1)).toBeCloseTo(0.5);
  expect(learningRateAt(99, 100, 1)).toBeCloseTo(0.025);
});
