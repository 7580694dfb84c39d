/**
 * How long a step, or decoding a clip, takes under two variants: run in turns on the first state of a clip, a warm-up of each thrown away,
 * the order changing from pair to pair, and pairs thrown away in which something else ran. These calls are no part of
 * any clip and are not counted as denoiser runs.
 */

import type { ComponentId } from '../blocks/plan';
import { FEWEST_PAIRS, type PairedTimes, pairedTimes, type TimePair } from '../metrics/pairedTimes';
import { firstOutput } from '../onnx/graph';
import { branchesFor, branchGuidance } from '../pipeline/guidance';
import { latentLength } from '../pipeline/latentFrames';
import { seededNoise } from '../pipeline/seededNoise';
import { firstCall } from './firstCall';
import type { GenerateSettings } from './GenerateSettings';
import type { Pipeline } from './Pipeline';
import { editOf, TEACHER, type Variant } from './Variant';

export type { PairedTimes };

export interface TimesRequest {
  /** The decoder: decoding one clip. Absent: one step of the denoiser. */
  readonly component?: ComponentId;
  readonly reference: Variant;
  readonly candidate: Variant;
  readonly settings: GenerateSettings;
}

export interface TimesProgress {
  /** Pairs measured, and how many the first figure needs. */
  readonly done: number;
  readonly of: number;
  /** Null below five pairs. */
  readonly times: PairedTimes | null;
}

export interface TimesOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TimesProgress) => void;
  /** Awaited before every pair: lets what a person waits for go first. */
  readonly turn?: () => Promise<void>;
  /** Whether nothing else ran since the last turn; absent: nothing ever does. */
  readonly alone?: () => boolean;
}

export interface PairOptions extends TimesOptions {
  /** Pairs after which it ends though the interval is still wide. */
  readonly mostPairs?: number;
  /** Milliseconds, from anywhere. */
  readonly now?: () => number;
}

const MOST_PAIRS = 11;
/** Half the interval of the ratio, next to the ratio, at which no more pairs are needed. */
const PRECISE = 0.03;
/** Pairs that may be thrown away for each that is wanted, before they are taken as they are. */
const PATIENCE = 3;

/** Null only where it was asked for fewer than five pairs. Throws what running throws, and the signal's reason. */
export async function measureTimes(
  pipeline: Pipeline,
  { reference, candidate, settings, component = 'denoiser' }: TimesRequest,
  options: TimesOptions = {},
): Promise<PairedTimes | null> {
  if (component === 'decoder') {
    const latent = seededNoise(settings.seed, latentLength(pipeline.description.latent));
    const decoding = (variant: Variant) => () => pipeline.decode(latent, variant);
    return measurePairs(decoding(reference), decoding(candidate), options);
  }
  const first = await stepUnder(pipeline, reference, settings);
  return measurePairs(first, await stepUnder(pipeline, candidate, settings), options);
}

/** `measureTimes` of what a cut does to a component; null where it is not cut, and takes what it took. */
export async function timesOfCut(
  pipeline: Pipeline,
  request: Omit<TimesRequest, 'reference' | 'component'> & { readonly component: ComponentId },
  options: TimesOptions = {},
): Promise<PairedTimes | null> {
  if (request.candidate.edits[request.component] === undefined) return null;
  return measureTimes(pipeline, { ...request, reference: TEACHER }, options);
}

/** One step of sampling under a variant: every guidance branch, the feeds made beforehand. */
export async function stepUnder(
  pipeline: Pipeline,
  variant: Variant,
  settings: GenerateSettings,
): Promise<() => Promise<void>> {
  const { denoiser, inputs, description } = pipeline;
  const call = await firstCall(pipeline, settings);
  const branches = branchesFor(branchGuidance(description, settings.guidance));
  const perCall = inputs.batch >= branches.length ? branches.length : 1;
  const calls = Array.from({ length: branches.length / perCall }, (_, index) =>
    inputs.feeds({ ...call, branches: branches.slice(index * perCall, (index + 1) * perCall) }),
  );
  const edit = editOf(variant, 'denoiser');
  const output = firstOutput(denoiser.file.model.graph).name;
  return async () => {
    for (const feeds of calls) await denoiser.run(edit, feeds, [output]);
  };
}

/** As `measureTimes`, of anything that can be run again and again. */
export async function measurePairs(
  reference: () => Promise<unknown>,
  candidate: () => Promise<unknown>,
  options: PairOptions = {},
): Promise<PairedTimes | null> {
  const {
    signal,
    onProgress,
    turn,
    alone = () => true,
    mostPairs = MOST_PAIRS,
    now = () => performance.now(),
  } = options;
  const timed = async (run: () => Promise<unknown>): Promise<number> => {
    signal?.throwIfAborted();
    const startMs = now();
    await run();
    return now() - startMs;
  };
  await turn?.();
  for (const run of [reference, candidate]) await timed(run); // the first runs make caches and memory
  const pairs: TimePair[] = [];
  let spared = PATIENCE * mostPairs;
  while (pairs.length < mostPairs && !isPrecise(pairedTimes(pairs))) {
    await turn?.();
    const referenceFirst = pairs.length % 2 === 0;
    const early = await timed(referenceFirst ? reference : candidate);
    const late = await timed(referenceFirst ? candidate : reference);
    if (!alone() && spared-- > 0) continue;
    pairs.push(referenceFirst ? { referenceMs: early, candidateMs: late } : { referenceMs: late, candidateMs: early });
    onProgress?.({ done: pairs.length, of: Math.max(FEWEST_PAIRS, pairs.length), times: pairedTimes(pairs) });
  }
  return pairedTimes(pairs);
}

function isPrecise(times: PairedTimes | null): boolean {
  return times !== null && times.ratio.high - times.ratio.low <= 2 * PRECISE * times.ratio.median;
}
