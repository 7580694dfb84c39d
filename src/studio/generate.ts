/**
 * Clips of teacher and student, step by step together, with previews and metrics on the way. The teacher's last
 * clip is kept: with equal settings its steps are replayed, not run. A student that drops nothing is the teacher:
 * it has the teacher's states, and no second run of the same graph.
 */
import type { Plan } from '../blocks/block';
import type { Clip, ClipComparison } from '../metrics/Clip';
import { compareClips } from '../metrics/compareClips';
import { latentErrorSplit } from '../metrics/errorSplit';
import type { TextEmbedding } from '../pipeline/denoiserInputs';
import type { Branch } from '../pipeline/guidance';
import { latentLength, toFrames } from '../pipeline/latentFrames';
import { sampleClips } from '../pipeline/sampleClips';
import { createScheduler } from '../pipeline/schedulers/createScheduler';
import type { StepResult } from '../pipeline/schedulers/Scheduler';
import { floatValues } from '../runtime/tensors';
import type { GenerateProgress, GenerateRequest, GenerateResult, GenerateSettings, Side } from './generateData';
import type { OpenedParts } from './OpenedParts';

export interface GenerateOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: GenerateProgress) => void;
}

export type Generate = (request: GenerateRequest, options?: GenerateOptions) => Promise<GenerateResult>;

interface KeptTeacher {
  readonly key: string;
  readonly steps: readonly StepResult[];
  /** Step -> decoded preview. */
  readonly clips: Map<number, Clip>;
  readonly medianStepMs: number;
  readonly decodeMs: number;
}

const EVERYTHING_ON: Plan = { dropped: [] };

export function createGenerator(parts: OpenedParts): Generate {
  let kept: KeptTeacher | undefined;
  return async (request, options = {}) => {
    const key = JSON.stringify(request.settings);
    const replay = kept?.key === key && request.sides.includes('teacher') ? kept : undefined;
    const run = await sample(parts, request, replay, options);
    if (run.teacher) kept = { key, ...run.teacher };
    return run.result;
  };
}

interface Run {
  readonly result: GenerateResult;
  /** Present when the teacher was run to the end, not replayed. */
  readonly teacher?: Omit<KeptTeacher, 'key'>;
}

async function sample(
  parts: OpenedParts,
  request: GenerateRequest,
  replay: KeptTeacher | undefined,
  { signal, onProgress }: GenerateOptions,
): Promise<Run> {
  const { settings, sides } = request;
  const isTeacher = (side: Side): boolean => side === 'teacher' || request.plan.dropped.length === 0;
  const runs: readonly Side[] = sides.includes('teacher')
    ? sides.filter((side) => side === 'teacher' || !isTeacher(side))
    : sides;
  const { description } = parts;
  const text = await embedPrompts(parts, settings);
  const scheduler = createScheduler(description.scheduler, settings.steps);
  const stepMs: Record<Side, number[]> = { teacher: [], student: [] };
  const decodeMs: Record<Side, number[]> = { teacher: [], student: [] };
  const teacherSteps: StepResult[] = [];
  const teacherClips = replay?.clips ?? new Map<number, Clip>();
  let clips: Partial<Record<Side, Clip>> = {};
  let comparison: ClipComparison | undefined;
  const steps = sampleClips({
    scheduler,
    sides: runs,
    latentLength: latentLength(description.latent),
    seed: settings.seed,
    guidance: settings.guidance,
    denoise: (side, latent, timestep, branches) =>
      denoise(parts, side === 'teacher' ? EVERYTHING_ON : request.plan, {
        latent,
        timestep,
        branches,
        guidance: settings.guidance,
        text,
      }),
    ...(replay ? { kept: { teacher: replay.steps } } : {}),
    ...(signal ? { signal } : {}),
  });
  for await (const { step, steps: count, sides: ran, denoiseMs } of steps) {
    const states = runs.includes('student') || !sides.includes('student') ? ran : { ...ran, student: ran.teacher! };
    for (const side of runs) if (denoiseMs[side] !== undefined) stepMs[side].push(denoiseMs[side]);
    if (states.teacher) teacherSteps.push(states.teacher);
    const decoded = step === count || step % Math.max(1, request.previewEvery) === 0;
    if (decoded) {
      clips = {};
      for (const side of sides) {
        const known = isTeacher(side) ? teacherClips.get(step) : undefined;
        clips[side] = known ?? (await timed(decodeMs[side], () => parts.decode(states[side]!.denoised)));
        if (isTeacher(side)) teacherClips.set(step, clips[side]!);
      }
      comparison = clips.teacher && clips.student ? compareClips(clips.teacher, clips.student) : undefined;
    }
    onProgress?.({
      step,
      steps: count,
      clips: decoded ? clips : {},
      ...(decoded && comparison ? { comparison } : {}),
      stepMs: denoiseMs,
      ...latentError(parts, states),
    });
  }
  const medianStepMs: Partial<Record<Side, number>> = {};
  const medianDecodeMs: Partial<Record<Side, number>> = {};
  for (const side of sides) {
    const source = runs.includes(side) ? side : 'teacher';
    const own = source === 'teacher' && replay ? replay : undefined;
    medianStepMs[side] = own?.medianStepMs ?? median(stepMs[source]);
    medianDecodeMs[side] = own?.decodeMs ?? median(decodeMs[source]);
  }
  const result: GenerateResult = {
    settings,
    plan: request.plan,
    clips,
    ...(comparison ? { comparison } : {}),
    medianStepMs,
    decodeMs: medianDecodeMs,
    teacherFromCache: replay !== undefined,
  };
  const ran = sides.includes('teacher') && !replay;
  return ran
    ? {
        result,
        teacher: {
          steps: teacherSteps,
          clips: teacherClips,
          medianStepMs: medianStepMs.teacher!,
          decodeMs: medianDecodeMs.teacher!,
        },
      }
    : { result };
}

type TextOfBranches = Partial<Record<Branch, TextEmbedding>>;

async function embedPrompts({ text, description }: OpenedParts, settings: GenerateSettings): Promise<TextOfBranches> {
  if (!text) return {};
  const conditional = await text.embed(settings.prompt);
  if (settings.guidance === 1) return { conditional };
  return { conditional, unconditional: await text.embed(description.defaults.negativePrompt) };
}

export interface DenoiseRequest {
  readonly latent: Float32Array;
  readonly timestep: number;
  readonly branches: readonly Branch[];
  readonly guidance: number;
  readonly text: TextOfBranches;
}

/** All branches in one call where the graph takes such a batch, else one after the other. */
export async function denoise(parts: OpenedParts, plan: Plan, request: DenoiseRequest): Promise<Float32Array[]> {
  const { inputs, description } = parts;
  const perCall = inputs.batch >= request.branches.length ? request.branches.length : 1;
  const results: Float32Array[] = [];
  for (let first = 0; first < request.branches.length; first += perCall) {
    const branches = request.branches.slice(first, first + perCall);
    const output = floatValues(await parts.runDenoiser({ ...request, branches }, plan));
    const size = output.length / inputs.clipsOf(branches.length);
    branches.forEach((_, index) =>
      results.push(latentChannels(output.slice(index * size, (index + 1) * size), description)),
    );
  }
  return results;
}

/** Only the first channels count where the model also predicts a variance. */
function latentChannels(
  output: Float32Array,
  { denoiser, latent, latentLayout }: OpenedParts['description'],
): Float32Array {
  if (denoiser.outputChannels === latent.channels) return output;
  const groups = latentLayout === 'BFCHW' || latentLayout === 'BCHW' ? latent.frames : 1;
  const run = output.length / groups;
  const kept = (run * latent.channels) / denoiser.outputChannels;
  const result = new Float32Array(kept * groups);
  for (let group = 0; group < groups; group++)
    result.set(output.subarray(group * run, group * run + kept), group * kept);
  return result;
}

function latentError(
  { description }: OpenedParts,
  states: Partial<Record<Side, StepResult>>,
): Pick<GenerateProgress, 'latentError'> {
  if (!states.teacher || !states.student) return {};
  const { latent, latentLayout } = description;
  const frames = (result: StepResult) => toFrames(result.latent, latentLayout, latent);
  const layout = { groups: 1, frames: latent.frames, inner: latent.channels * latent.height * latent.width };
  const { content, motion } = latentErrorSplit(frames(states.teacher), frames(states.student), layout);
  return { latentError: { content, motion } };
}

async function timed<T>(times: number[], work: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const result = await work();
  times.push(performance.now() - startMs);
  return result;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
