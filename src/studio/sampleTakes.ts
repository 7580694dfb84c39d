/**
 * Clips of any number of takes, step by step together, with previews and comparisons on the way. Takes that give the
 * same clip are run once, and the last few finished takes are kept: asked for again, their steps are replayed, not
 * run. Neither text nor noise nor weights are known here: those are the pipeline's.
 */
import { present } from '../errors/present';
import type { Clip, ClipComparison } from '../metrics/Clip';
import { compareClipsInSlices } from '../metrics/compareClips';
import { latentErrorSplit } from '../metrics/errorSplit';
import { branchGuidance } from '../pipeline/guidance';
import { latentLength, toFrames } from '../pipeline/latentFrames';
import { type SampledStep, sampleClips } from '../pipeline/sampleClips';
import { createScheduler } from '../pipeline/schedulers/createScheduler';
import type { StepResult } from '../pipeline/schedulers/Scheduler';
import { nextTask } from '../runtime/nextTask';
import { requireFiniteOutput } from '../runtime/notFinite';
import { denoise, embedConditions } from './denoise';
import type { Pipeline, ProgressOptions } from './Pipeline';
import { type PreviewPace, previewPace } from './previewPace';
import type { LatentError, SampleProgress, SampleRequest, SampleResult } from './sampleData';
import { planOf, type Take, takeKey, variantKey } from './Variant';

export interface SampleOptions extends ProgressOptions<SampleProgress> {
  /** Awaited before every step and between slices of measuring: for jobs that give way. */
  readonly turn?: () => Promise<void>;
}

export type TakeSampler = (request: SampleRequest, options?: SampleOptions) => Promise<SampleResult>;

/** What was denoised to the end, whatever decodes it. */
interface FinishedTake {
  readonly steps: readonly StepResult[];
  /** By decoder edit and step: what was decoded. */
  readonly clips: Map<string, Clip>;
  readonly medianStepMs: number;
  readonly decodeMs: number;
}

/** The teacher's take and the students' of the last few edits. */
const KEPT_TAKES = 6;

export function takeSampler(pipeline: Pipeline): TakeSampler {
  /** By denoiser take; least recently used first. */
  const finished = new Map<string, FinishedTake>();
  let previewMs: number | undefined;
  return async (request, options = {}) => {
    const pace = previewPace(previewMs);
    const { result, ran } = await sample(pipeline, request, finished, pace, options);
    previewMs = pace.costMs;
    for (const [key, take] of ran) {
      finished.delete(key);
      finished.set(key, take);
    }
    while (finished.size > KEPT_TAKES) finished.delete(present(finished.keys().next().value));
    return result;
  };
}

/** One denoiser take while it is sampled: takes that differ in their decoder alone share it. */
interface RunningTake {
  readonly replayed: FinishedTake | undefined;
  readonly sampling: AsyncGenerator<SampledStep, void, void>;
  readonly stepCount: number;
  readonly steps: StepResult[];
  readonly clips: Map<string, Clip>;
  readonly stepMs: number[];
  readonly decodeMs: number[];
  /** Time of the last step, where it ran. */
  lastMs: number | undefined;
}

/** A take of the request, and the denoiser take that it is decoded from. */
interface Wanted {
  readonly take: Take;
  readonly running: RunningTake;
}

interface Sampled {
  readonly result: SampleResult;
  readonly ran: ReadonlyMap<string, FinishedTake>;
}

async function sample(
  pipeline: Pipeline,
  { takes, previewEvery }: SampleRequest,
  finished: ReadonlyMap<string, FinishedTake>,
  pace: PreviewPace,
  { signal, onProgress, turn }: SampleOptions,
): Promise<Sampled> {
  const running = new Map<string, RunningTake>();
  for (const take of takes) {
    const key = denoiserKey(take);
    if (!running.has(key)) running.set(key, await begin(pipeline, take, finished.get(key), signal));
  }
  const wanted = takes.map((take): Wanted => ({ take, running: present(running.get(denoiserKey(take))) }));
  const count = Math.max(...wanted.map((one) => one.running.stepCount));
  let comparisons: readonly (ClipComparison | undefined)[] = takes.map(() => undefined);
  for (let step = 1; step <= count; step++) {
    for (const one of running.values()) {
      await turn?.();
      await advance(one);
      pace.stepTook(one.lastMs ?? 0);
    }
    const decodes = step === count || isPreviewStep(previewEvery, step, pace);
    const startMs = performance.now();
    const clips: (Clip | undefined)[] = takes.map(() => undefined);
    if (decodes) {
      for (const [index, one] of wanted.entries()) clips[index] = await decodeAt(pipeline, one, step, signal);
      if (step < count) {
        comparisons = await compareAll(clips as Clip[], signal, turn);
        pace.previewTook(performance.now() - startMs);
      }
    }
    onProgress?.({
      step,
      steps: count,
      clips,
      comparisons: decodes && step < count ? comparisons : takes.map(() => undefined),
      stepMs: wanted.map((one) => one.running.lastMs),
      latentErrors: wanted.map((one, index) =>
        index === 0 ? undefined : latentError(pipeline, present(wanted[0]).running, one.running, step),
      ),
    });
    // The whole clips are on their way to whoever waits for them before they are measured.
    if (step === count) comparisons = await compareAll(clips as Clip[], signal, turn);
  }
  const ran = new Map([...running].map(([key, one]) => [key, finish(one)] as const));
  const ends = takes.map((take) => present(ran.get(denoiserKey(take))));
  const result: SampleResult = {
    takes,
    clips: wanted.map((one) => present(one.running.clips.get(clipKey(one, count)))),
    comparisons,
    medianStepMs: ends.map(({ medianStepMs }) => medianStepMs),
    decodeMs: ends.map(({ decodeMs }) => decodeMs),
    kept: wanted.map((one) => one.running.replayed !== undefined),
  };
  return { result, ran };
}

function isPreviewStep(every: SampleRequest['previewEvery'], step: number, pace: PreviewPace): boolean {
  return every === 'affordable' ? pace.affordsOne() : every > 0 && step % every === 0;
}

function denoiserKey({ variant, settings }: Take): string {
  const { denoiser } = variant.edits;
  return takeKey({ variant: { edits: denoiser ? { denoiser } : {} }, settings });
}

function clipKey({ take, running }: Wanted, step: number): string {
  const { decoder } = take.variant.edits;
  return `${Math.min(step, running.stepCount)} ${variantKey({ edits: decoder ? { decoder } : {} })}`;
}

async function begin(
  pipeline: Pipeline,
  { variant, settings }: Take,
  replayed: FinishedTake | undefined,
  signal: AbortSignal | undefined,
): Promise<RunningTake> {
  const { description } = pipeline;
  const { guidance, seed } = settings;
  const scheduler = createScheduler(description.scheduler, settings.steps);
  const conditions = replayed ? { text: {} } : await embedConditions(pipeline, settings);
  const count = scheduler.steps.length;
  const whose = planOf(variant).dropped.length > 0 ? ', with blocks dropped' : '';
  let step = 0;
  return {
    replayed,
    sampling: sampleClips({
      scheduler,
      sides: ['take'],
      latentLength: latentLength(description.latent),
      seed,
      guidance: branchGuidance(description, guidance),
      denoise: (_side, latent, timestep, branches) =>
        denoise(pipeline, variant, {
          latent,
          timestep,
          branches,
          guidance,
          ...conditions,
          where: `Step ${++step} of ${count}${whose}`,
        }),
      ...(replayed ? { kept: { take: replayed.steps } } : {}),
      ...(signal ? { signal } : {}),
    }),
    stepCount: count,
    steps: [],
    clips: replayed?.clips ?? new Map(),
    stepMs: [],
    decodeMs: [],
    lastMs: undefined,
  };
}

/** One step further; a take that has fewer steps than the others waits at its end. */
async function advance(one: RunningTake): Promise<void> {
  const next = await one.sampling.next();
  one.lastMs = undefined;
  if (next.done) return;
  const state = present(next.value.sides['take']);
  requireFiniteOutput(
    `Step ${next.value.step} of ${one.stepCount}: the latent after the scheduler's step`,
    state.latent,
  );
  one.steps.push(state);
  one.lastMs = next.value.denoiseMs['take'];
  if (one.lastMs !== undefined) one.stepMs.push(one.lastMs);
}

async function decodeAt(
  pipeline: Pipeline,
  wanted: Wanted,
  step: number,
  signal: AbortSignal | undefined,
): Promise<Clip> {
  const { running, take } = wanted;
  const key = clipKey(wanted, step);
  const known = running.clips.get(key);
  if (known) return known;
  signal?.throwIfAborted();
  const startMs = performance.now();
  const clip = await pipeline.decode(
    present(running.steps[Math.min(step, running.stepCount) - 1]).denoised,
    take.variant,
  );
  running.decodeMs.push(performance.now() - startMs);
  running.clips.set(key, clip);
  return clip;
}

/** Longest work without a turn of the event loop, in which a cancel is heard. */
const SLICE_MS = 30;

/** Every clip against the first. */
async function compareAll(clips: readonly Clip[], signal: AbortSignal | undefined, turn: SampleOptions['turn']) {
  let sliceStartMs = performance.now();
  const pause = async (): Promise<void> => {
    if (performance.now() - sliceStartMs < SLICE_MS) return;
    await nextTask();
    await turn?.();
    signal?.throwIfAborted();
    sliceStartMs = performance.now();
  };
  const comparisons: (ClipComparison | undefined)[] = [undefined];
  for (const clip of clips.slice(1)) comparisons.push(await compareClipsInSlices(present(clips[0]), clip, pause));
  return comparisons;
}

function finish({ steps, clips, replayed, stepMs, decodeMs }: RunningTake): FinishedTake {
  return {
    steps,
    clips,
    medianStepMs: replayed?.medianStepMs ?? median(stepMs),
    decodeMs: decodeMs.length > 0 ? median(decodeMs) : (replayed?.decodeMs ?? 0),
  };
}

function latentError(
  { description }: Pipeline,
  reference: RunningTake,
  candidate: RunningTake,
  step: number,
): LatentError | undefined {
  const states = [reference, candidate].map((one) => one.steps[Math.min(step, one.stepCount) - 1]);
  if (!states[0] || !states[1]) return undefined;
  const { latent, latentLayout } = description;
  const frames = (result: StepResult) => toFrames(result.latent, latentLayout, latent);
  const layout = { groups: 1, frames: latent.frames, inner: latent.channels * latent.height * latent.width };
  const { content, motion } = latentErrorSplit(frames(states[0]), frames(states[1]), layout);
  return { content, motion };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
