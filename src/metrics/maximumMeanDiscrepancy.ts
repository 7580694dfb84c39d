/**
 * Maximum mean discrepancy of two sets of features with the polynomial kernel (x.y / d + 1)^3, unbiased: KID's formula
 * (Binkowski et al. 2018), which means something for few clips too, where a Frechet distance does not. Around 0 and
 * sometimes below it for equal distributions; the spread over subsets says how sure it is.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import { StudioError } from '../errors/StudioError';
import type { Features } from './frechetDistance';

export interface Discrepancy {
  /** Of all clips; the unbiased estimate of the squared discrepancy. */
  readonly value: number;
  /** Over random subsets of half the clips, drawn without putting back. */
  readonly subsets: {
    readonly count: number;
    readonly size: number;
    readonly mean: number;
    readonly standardDeviation: number;
  };
}

const SUBSETS = 100;
const LARGEST_SUBSET = 1000;
const FEWEST = 4;

/** Equal counts of both. Throws `metrics/too-few-clips` under four. */
export function maximumMeanDiscrepancy(ours: Features, theirs: Features): Discrepancy {
  const count = Math.min(ours.length, theirs.length);
  if (count < FEWEST)
    throw new StudioError(
      'metrics/too-few-clips',
      `MMD needs at least ${FEWEST} clips of each side; there are ${count}.`,
      {
        clips: count,
        needed: FEWEST,
      },
    );
  const kernels = {
    ours: kernelOf(ours, ours),
    theirs: kernelOf(theirs, theirs),
    between: kernelOf(ours, theirs),
  };
  const size = Math.min(LARGEST_SUBSET, count >> 1);
  const next = randomNumbers(1);
  const values = Array.from({ length: SUBSETS }, () =>
    unbiased(kernels, pick(ours.length, size, next), pick(theirs.length, size, next)),
  );
  const mean = values.reduce((sum, value) => sum + value, 0) / SUBSETS;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    value: unbiased(kernels, [...ours.keys()], [...theirs.keys()]),
    subsets: { count: SUBSETS, size, mean, standardDeviation: Math.sqrt(squares / (SUBSETS - 1)) },
  };
}

type Kernel = readonly Float64Array[];

function kernelOf(a: Features, b: Features): Kernel {
  const length = a[0]!.length;
  return a.map((x) =>
    Float64Array.from(b, (y) => {
      let dot = 0;
      for (let i = 0; i < length; i++) dot += x[i]! * y[i]!;
      return (dot / length + 1) ** 3;
    }),
  );
}

/** Without the kernel of a clip with itself. */
function unbiased(
  { ours, theirs, between }: { ours: Kernel; theirs: Kernel; between: Kernel },
  first: readonly number[],
  second: readonly number[],
): number {
  const within = (kernel: Kernel, picked: readonly number[]) => {
    let sum = 0;
    for (const i of picked) for (const j of picked) if (i !== j) sum += kernel[i]![j]!;
    return sum / (picked.length * (picked.length - 1));
  };
  let across = 0;
  for (const i of first) for (const j of second) across += between[i]![j]!;
  return within(ours, first) + within(theirs, second) - (2 * across) / (first.length * second.length);
}

function pick(count: number, size: number, next: () => number): readonly number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = 0; i < size; i++) {
    const j = i + Math.floor(next() * (count - i));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order.slice(0, size);
}

/** Mulberry32: the same subsets for the same clips everywhere. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
