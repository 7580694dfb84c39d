/**
 * The teacher and any number of students over prompts and seeds: every student against the teacher, and the students
 * against one another. The teacher's clip is sampled once per prompt and seed. Clips are handed on as they come and
 * are not kept: a hundred of them would be more than memory holds.
 */
import { present } from '../errors/present';
import type { Clip, ClipComparison } from '../metrics/Clip';
import { type ColorVideoVdpOptions, colorVideoVdp } from '../metrics/colorVideoVdp/colorVideoVdp';
import type { DisplayName } from '../metrics/colorVideoVdp/parameters';
import { compareClipsInSlices } from '../metrics/compareClips';
import { type ComparisonSummary, summariseComparisons } from '../metrics/comparedFigures';
import { type Summary, summarise } from '../metrics/summarise';
import { nextTask } from '../runtime/nextTask';
import type { GenerateSettings } from './GenerateSettings';
import type { Pipeline } from './Pipeline';
import type { SampleProgress, SampleResult } from './sampleData';
import { TEACHER, type Variant } from './Variant';

export interface Student {
  readonly name: string;
  readonly variant: Variant;
}

/** One of the comparisons: places in [teacher, ...students]. */
export interface ComparedPair {
  readonly reference: number;
  readonly candidate: number;
}

/** One prompt and seed. */
export interface ComparedCase {
  readonly settings: GenerateSettings;
  /** In the order of the pairs. */
  readonly comparisons: readonly ClipComparison[];
  /** ColorVideoVDP of the pairs, where it is asked for. */
  readonly jods?: readonly number[];
}

export interface CaseProgress {
  readonly done: number;
  readonly of: number;
  readonly case: ComparedCase;
  /** Of the teacher, then of the students. */
  readonly clips: readonly Clip[];
}

export interface PairSummary extends ComparisonSummary {
  readonly jod?: Summary;
}

export interface StudentComparison {
  readonly pairs: readonly ComparedPair[];
  readonly cases: readonly ComparedCase[];
  /** One for each pair. */
  readonly summaries: readonly PairSummary[];
  /** Medians over the cases, of the teacher, then of the students. */
  readonly medianStepMs: readonly number[];
  readonly decodeMs: readonly number[];
  /** Calls of the denoiser that this took. */
  readonly denoiserRuns: number;
}

export interface CompareOptions {
  readonly signal?: AbortSignal;
  /** What the clips are looked at on, for ColorVideoVDP; absent: it is not measured. */
  readonly display?: DisplayName;
  /** After every sampling step. */
  readonly onStep?: (progress: SampleProgress) => void;
  /** Awaited before the next case. */
  readonly onCase?: (progress: CaseProgress) => void | Promise<void>;
}

/** Throws what sampling throws, and the signal's reason. */
export async function compareStudents(
  pipeline: Pipeline,
  students: readonly Student[],
  settings: readonly GenerateSettings[],
  { signal, display, onStep, onCase }: CompareOptions = {},
): Promise<StudentComparison> {
  const pairs = pairsOf(students.length);
  const options = { ...(signal ? { signal } : {}), ...(onStep ? { onProgress: onStep } : {}) };
  const runsBefore = pipeline.counters().denoiserRuns;
  const { framesPerSecond } = pipeline.description;
  const cases: ComparedCase[] = [];
  const sampled: Pick<SampleResult, 'medianStepMs' | 'decodeMs'>[] = [];
  for (const one of settings) {
    const takes = [TEACHER, ...students.map(({ variant }) => variant)].map((variant) => ({ variant, settings: one }));
    const result = await pipeline.sample({ takes, previewEvery: 0 }, options);
    const pause = async (): Promise<void> => {
      await nextTask();
      signal?.throwIfAborted();
    };
    const done = {
      settings: one,
      comparisons: await comparePairs(pairs, result, pause),
      ...(display ? { jods: await jodsOf(pairs, result.clips, { framesPerSecond, display, pause }) } : {}),
    };
    cases.push(done);
    sampled.push(result);
    await onCase?.({ done: cases.length, of: settings.length, case: done, clips: result.clips });
  }
  const medians = (key: 'medianStepMs' | 'decodeMs') =>
    [TEACHER, ...students].map((_, take) => median(sampled.map((one) => present(one[key][take]))));
  return {
    pairs,
    cases,
    summaries: pairs.map((_, index) => summarisePair(cases, index)),
    medianStepMs: medians('medianStepMs'),
    decodeMs: medians('decodeMs'),
    denoiserRuns: pipeline.counters().denoiserRuns - runsBefore,
  };
}

/** Every student against the teacher, then the students against one another. */
function pairsOf(students: number): readonly ComparedPair[] {
  const pairs: ComparedPair[] = [];
  for (let reference = 0; reference < students; reference++) {
    for (let candidate = reference + 1; candidate <= students; candidate++) pairs.push({ reference, candidate });
  }
  return pairs;
}

/** Against the teacher they were compared when they were sampled. */
async function comparePairs(
  pairs: readonly ComparedPair[],
  { clips, comparisons }: SampleResult,
  pause: () => Promise<void>,
): Promise<readonly ClipComparison[]> {
  const compared: ClipComparison[] = [];
  for (const { reference, candidate } of pairs) {
    const known = reference === 0 ? comparisons[candidate] : undefined;
    compared.push(known ?? (await compareClipsInSlices(present(clips[reference]), present(clips[candidate]), pause)));
  }
  return compared;
}

async function jodsOf(
  pairs: readonly ComparedPair[],
  clips: readonly Clip[],
  options: ColorVideoVdpOptions,
): Promise<readonly number[]> {
  const jods: number[] = [];
  for (const { reference, candidate } of pairs)
    jods.push((await colorVideoVdp(present(clips[reference]), present(clips[candidate]), options)).jod);
  return jods;
}

function summarisePair(cases: readonly ComparedCase[], index: number): PairSummary {
  const jod = summarise(
    cases.flatMap(({ jods }) => jods?.[index] ?? []),
    'lower',
  );
  return {
    ...summariseComparisons(cases.map(({ comparisons }) => present(comparisons[index]))),
    ...(jod ? { jod } : {}),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
