/**
 * What a student learns from: states of the teacher's own sampling, so that no data is needed. Clips are sampled as they are
 * called for; which states a step takes depends on the seed and the step's number alone, so a run that goes on from a
 * checkpoint takes the same.
 */
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import type { Model } from '../../onnx/model';
import { type Branch, branchesFor, branchGuidance } from '../../pipeline/guidance';
import { type PhiloxCounter, philox } from '../../pipeline/seededNoise';
import type { PlainTensor } from '../../runtime/Runtime';
import { floatValues, stacked, tensorOf } from '../../runtime/tensors';
import { HIGH_NOISE } from '../damage';
import type { GenerateSettings, Picture } from '../GenerateSettings';
import type { Pipeline } from '../Pipeline';
import { type TeacherRun, type TeacherState, teacherRun } from '../teacherRuns';
import type { HealSettings } from './healData';
import { type OwnClip, ownRun } from './ownClips';

/** One row of a batch. */
export interface TrainingItem {
  readonly run: TeacherRun;
  readonly state: TeacherState;
  readonly branch: Branch;
}

/** Clips that are there before the first step; one more comes every few steps. */
const FIRST_CLIPS = 8;
const STEPS_PER_CLIP = 4;
/** Seeds of clips that are measured on lie this far from those that are learnt from. */
const HELD_OUT_SEEDS = 1_000_000_000;
/** Of the held-out clips' states, so many are measured. */
const HELD_OUT_STATES = 6;
/** Of a clip that is fitted with. */
const FIRST_STATES = 4;
/** With words, where there is guidance. */
const CONDITIONAL_SHARE = 2 / 3;
const GOLDEN_SHARE = 0.618;
/** Apart from the streams of `seededNoise`. */
const CHOICE_STREAM = 0x6865616c;

/** Where clips begin, beside their noise. */
export interface ClipSources {
  /** Learnt from in place of the teacher's sampling, again and again with other noise. */
  readonly own?: readonly OwnClip[];
  /** Taken one after another, where the model begins with a picture. */
  readonly pictures?: readonly Picture[];
}

export interface ClipOptions {
  readonly signal?: AbortSignal;
  /** Awaited before every call of the teacher. */
  readonly turn?: () => Promise<void>;
  readonly onClip?: (done: number, of: number) => void;
}

export interface TrainingStates {
  /** Samples what step `step` may take from. */
  prepare(step: number, options: ClipOptions): Promise<void>;
  /** Of a step for which it was prepared. */
  choose(step: number): readonly TrainingItem[];
  /** States of the first clips, spread over each, in the branch with words: for fits that take all at once. */
  first(clips: number, options: ClipOptions): Promise<readonly TrainingItem[]>;
}

export function trainingStates(
  pipeline: Pipeline,
  settings: HealSettings,
  { own = [], pictures = [] }: ClipSources = {},
): TrainingStates {
  const { seed, batch, clips, highNoise } = settings;
  const runs: TeacherRun[] = [];
  const clipsAt = (step: number) => Math.min(clips, FIRST_CLIPS + Math.floor(step / STEPS_PER_CLIP));
  const guided = branchGuidance(pipeline.description, settings.guidance) !== 1;
  const sample = async (wanted: number, { signal, turn, onClip }: ClipOptions): Promise<void> => {
    while (runs.length < wanted) {
      signal?.throwIfAborted();
      const clip = clipSettings(settings, pictures, runs.length, seed * 1000);
      const given = own[runs.length % own.length];
      runs.push(given ? await ownRun(pipeline, given, clip) : await teacherRun(pipeline, clip, signal, turn));
      onClip?.(runs.length, wanted);
    }
  };
  return {
    prepare: (step, options) => sample(clipsAt(step), options),
    async first(wanted, options) {
      await sample(Math.min(wanted, clips), options);
      return runs
        .slice(0, wanted)
        .flatMap((run) =>
          spread(run.states, FIRST_STATES).map((state) => ({ run, state, branch: 'conditional' as const })),
        );
    },
    choose: (step) =>
      Array.from({ length: batch }, (_, index): TrainingItem => {
        const [first, second, third] = uniforms([step, index, 0, 0], seed);
        const run = present(runs[Math.floor(first * clipsAt(step))]);
        const state = chosenState(run.states, second, highNoise);
        return { run, state, branch: guided && third >= CONDITIONAL_SHARE ? 'unconditional' : 'conditional' };
      }),
  };
}

/** States of other seeds, both branches of each beside one another where there is guidance. */
export async function heldOutItems(
  pipeline: Pipeline,
  settings: HealSettings,
  pictures: readonly Picture[],
  options: ClipOptions,
): Promise<readonly TrainingItem[]> {
  const branches = branchesFor(branchGuidance(pipeline.description, settings.guidance));
  const items: TrainingItem[] = [];
  for (let clip = 0; clip < settings.heldOutClips; clip++) {
    const run = await teacherRun(
      pipeline,
      clipSettings(settings, pictures, clip, HELD_OUT_SEEDS),
      options.signal,
      options.turn,
    );
    options.onClip?.(clip + 1, settings.heldOutClips);
    for (const state of spread(run.states, HELD_OUT_STATES))
      items.push(...branches.map((branch) => ({ run, state, branch })));
  }
  return items;
}

/** Graph inputs of a batch, in the types and sizes that `model` takes. Throws `passes/unbound-size` for other sizes. */
export function batchFeeds(
  { inputs }: Pipeline,
  model: Model,
  items: readonly TrainingItem[],
): Record<string, PlainTensor> {
  const rows = items.map(({ run, state, branch }) =>
    inputs.feeds({
      latent: state.latent,
      timestep: state.timestep,
      branches: [branch],
      guidance: run.settings.guidance,
      ...run.conditions,
    }),
  );
  const feeds: Record<string, PlainTensor> = {};
  for (const { name, type } of model.graph.inputs) {
    if (rows[0]?.[name] === undefined) continue;
    const whole = stacked(rows.map((row) => present(row[name])));
    const wanted = type?.shape;
    if (wanted?.some((dim, axis) => typeof dim === 'number' && dim !== whole.dims[axis]))
      throw new StudioError(
        'passes/unbound-size',
        `Training runs at fixed sizes, and the input ${name} came as [${whole.dims.join(', ')}] instead of [${wanted.join(', ')}].`,
        { name },
      );
    const promoted = type?.dataType === 'float32' && whole.dataType !== 'float32';
    feeds[name] = promoted ? tensorOf('float32', whole.dims, floatValues(whole)) : whole;
  }
  return feeds;
}

function clipSettings(
  { prompts, samplingSteps, guidance }: HealSettings,
  pictures: readonly Picture[],
  clip: number,
  firstSeed: number,
): GenerateSettings {
  const seed = (firstSeed + clip) % 2 ** 32;
  const image = pictures[(firstSeed + clip) % Math.max(1, pictures.length)];
  return {
    prompt: present(prompts[spreadIndex(firstSeed + clip, prompts.length)]),
    seed,
    steps: samplingSteps,
    guidance,
    ...(image ? { image } : {}),
  };
}

/** Over a list sorted by kind, neighbouring clips get prompts of different kinds; every prompt once before any comes again. */
function spreadIndex(clip: number, count: number): number {
  const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));
  let stride = Math.max(1, Math.round(count * GOLDEN_SHARE));
  while (commonDivisor(stride, count) > 1) stride++;
  return (clip * stride) % count;
}

function chosenState(states: readonly TeacherState[], uniform: number, highNoise: number): TeacherState {
  const weights = states.map(({ noiseShare }) => (noiseShare > HIGH_NOISE ? highNoise : 1));
  let left = uniform * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, state] of states.entries()) {
    left -= present(weights[index]);
    if (left < 0) return state;
  }
  return present(states.at(-1));
}

/** `count` of them, the first and the last among them. */
function spread<T>(values: readonly T[], count: number): readonly T[] {
  if (values.length <= count) return values;
  return Array.from({ length: count }, (_, index) =>
    present(values[Math.round((index * (values.length - 1)) / (count - 1))]),
  );
}

/** In [0, 1). */
const uniforms = (counter: PhiloxCounter, seed: number): readonly [number, number, number] => {
  const [a, b, c] = philox(counter, [seed >>> 0, CHOICE_STREAM]);
  return [a / 2 ** 32, b / 2 ** 32, c / 2 ** 32];
};
