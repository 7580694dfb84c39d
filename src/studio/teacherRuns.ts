/**
 * What the teacher does on its way to a clip, kept once: the state that the denoiser saw at every step and the guided
 * output that it gave. Students are measured on these states, which is cheaper than sampling and the same for all.
 */
import { present } from '../errors/present';
import { splitError } from '../metrics/errorSplit';
import { branchesFor, branchGuidance, guide } from '../pipeline/guidance';
import { latentLength, toFrames } from '../pipeline/latentFrames';
import { sampleClips } from '../pipeline/sampleClips';
import { createScheduler } from '../pipeline/schedulers/createScheduler';
import type { Scheduler, SchedulerStep } from '../pipeline/schedulers/Scheduler';
import { type Conditions, denoise, embedConditions } from './denoise';
import type { GenerateSettings } from './GenerateSettings';
import type { Pipeline } from './Pipeline';
import { TEACHER, type Variant } from './Variant';

/** One state of a run: the denoiser's input of a step, and the teacher's guided output on it. */
export interface TeacherState {
  /** Already scaled for the denoiser. */
  readonly latent: Float32Array;
  readonly timestep: number;
  readonly output: Float32Array;
  /** Share of noise in the state, 0..1: sigma / sqrt(signal^2 + sigma^2). */
  readonly noiseShare: number;
}

export interface TeacherRun {
  readonly settings: GenerateSettings;
  readonly conditions: Conditions;
  readonly states: readonly TeacherState[];
  /** The clip's latent at the end. */
  readonly finalLatent: Float32Array;
}

/** Mean squares per element; total = content + motion, exactly. */
export interface SplitError {
  readonly content: number;
  readonly motion: number;
  readonly total: number;
}

/** Runs the teacher once. Throws what running throws, and the signal's reason. */
export async function teacherRun(
  pipeline: Pipeline,
  settings: GenerateSettings,
  signal?: AbortSignal,
  turn?: () => Promise<void>,
): Promise<TeacherRun> {
  const { description } = pipeline;
  const scheduler = createScheduler(description.scheduler, settings.steps);
  const conditions = await embedConditions(pipeline, settings);
  const states: TeacherState[] = [];
  const steps = sampleClips({
    scheduler,
    sides: ['teacher'],
    latentLength: latentLength(description.latent),
    seed: settings.seed,
    guidance: branchGuidance(description, settings.guidance),
    denoise: async (_side, latent, timestep, branches) => {
      await turn?.();
      const outputs = await denoise(pipeline, TEACHER, {
        latent,
        timestep,
        branches,
        guidance: settings.guidance,
        ...conditions,
      });
      const step = present(scheduler.steps[states.length]);
      const output = guide(outputs, branchGuidance(description, settings.guidance));
      states.push({ latent: latent.slice(), timestep, output, noiseShare: noiseShare(scheduler, step) });
      return outputs;
    },
    ...(signal ? { signal } : {}),
  });
  let finalLatent = new Float32Array();
  for await (const { sides } of steps) finalLatent = present(sides['teacher']).latent as Float32Array<ArrayBuffer>;
  return { settings, conditions, states, finalLatent };
}

/** The guided output of a variant on a state of the teacher. */
export async function outputOn(
  pipeline: Pipeline,
  variant: Variant,
  { settings, conditions }: TeacherRun,
  { latent, timestep }: Pick<TeacherState, 'latent' | 'timestep'>,
): Promise<Float32Array> {
  const guidance = branchGuidance(pipeline.description, settings.guidance);
  const request = { latent, timestep, branches: branchesFor(guidance), guidance: settings.guidance, ...conditions };
  return guide(await denoise(pipeline, variant, request), guidance);
}

/**
 * The clip's latent where a variant makes every step. `first`: its guided output on the first state, which is the
 * teacher's too and need not run again. `before` is awaited before every call.
 */
export async function finalLatentUnder(
  pipeline: Pipeline,
  variant: Variant,
  run: TeacherRun,
  first: Float32Array,
  before: () => Promise<void> = async () => undefined,
): Promise<Float32Array> {
  const { description } = pipeline;
  let calls = 0;
  const steps = sampleClips({
    scheduler: createScheduler(description.scheduler, run.settings.steps),
    sides: ['student'],
    latentLength: latentLength(description.latent),
    seed: run.settings.seed,
    guidance: 1, // what `outputOn` gives is guided already
    denoise: async (_side, latent, timestep) => {
      if (calls++ === 0) return [first];
      await before();
      return [await outputOn(pipeline, variant, run, { latent, timestep })];
    },
  });
  let finalLatent = first;
  for await (const { sides } of steps) finalLatent = present(sides['student']).latent as Float32Array<ArrayBuffer>;
  return finalLatent;
}

/** candidate - reference of two latents in the denoiser's layout, split over frames. */
export function latentError({ description }: Pipeline, reference: Float32Array, candidate: Float32Array): SplitError {
  const { latent, latentLayout } = description;
  const [from, to] = [reference, candidate].map((values) => toFrames(values, latentLayout, latent)) as [
    Float32Array,
    Float32Array,
  ];
  const error = Float64Array.from(to, (value, i) => value - present(from[i]));
  const layout = { groups: 1, frames: latent.frames, inner: latent.channels * latent.height * latent.width };
  const { content, motion, total } = splitError(error, layout);
  return { content, motion, total };
}

/** What a denoiser's call of a step means: its input is signal * clean + noise * eps, and clean = fromLatent * input + fromOutput * output. */
export interface StepForm {
  readonly signal: number;
  readonly noise: number;
  readonly fromLatent: number;
  readonly fromOutput: number;
}

/** Of the call `index` of a scheduler. Inputs that are scaled have a variance of 1. */
export function stepForm(scheduler: Scheduler, index: number): StepForm {
  const step = present(scheduler.steps[index]);
  const noise = noiseShare(scheduler, step);
  const isFlow = !isRatio(scheduler, step) && Math.abs(step.denoisedFromLatent - 1) <= 1e-6;
  return {
    signal: isFlow ? 1 - noise : Math.sqrt(1 - noise * noise),
    noise,
    fromLatent: step.denoisedFromLatent / step.inputScale,
    fromOutput: step.denoisedFromOutput,
  };
}

/**
 * From a step's coefficients: epsilon in a variance-exploding or -preserving state is taken off with sigma / signal,
 * a velocity or a flow with sigma itself.
 */
function noiseShare(scheduler: Scheduler, step: SchedulerStep): number {
  const taken = Math.abs(step.denoisedFromOutput);
  return isRatio(scheduler, step) ? taken / Math.sqrt(1 + taken * taken) : Math.min(1, taken);
}

const isRatio = ({ initialNoiseScale }: Scheduler, { denoisedFromLatent }: SchedulerStep): boolean =>
  initialNoiseScale > 1.5 || denoisedFromLatent > 1 + 1e-6;
