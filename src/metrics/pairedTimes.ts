/**
 * Times of two things that were run in turns, as pairs: what else the machine did slows both of a pair alike, so their
 * ratio and difference are steadier than either time. Medians, with intervals that assume nothing of the distribution.
 * It takes times; it does not measure them.
 */
import { present } from '../errors/present';

export interface TimePair {
  readonly referenceMs: number;
  readonly candidateMs: number;
}

/** A median and the bounds of its interval, in the unit of the values. */
export interface MedianInterval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export interface PairedTimes {
  readonly pairs: number;
  readonly referenceMs: number;
  readonly candidateMs: number;
  /** candidate / reference: below 1 is faster. */
  readonly ratio: MedianInterval;
  /** reference - candidate, milliseconds. */
  readonly savedMs: MedianInterval;
}

/** Fewer pairs have no interval worth showing. */
export const FEWEST_PAIRS = 5;
/** What an interval covers at least; with five pairs it is their whole range, which covers 94 %. */
const COVERAGE = 0.9;

/** Null below five pairs. */
export function pairedTimes(pairs: readonly TimePair[]): PairedTimes | null {
  if (pairs.length < FEWEST_PAIRS) return null;
  return {
    pairs: pairs.length,
    referenceMs: median(pairs.map(({ referenceMs }) => referenceMs)),
    candidateMs: median(pairs.map(({ candidateMs }) => candidateMs)),
    ratio: medianInterval(pairs.map(({ referenceMs, candidateMs }) => candidateMs / referenceMs)),
    savedMs: medianInterval(pairs.map(({ referenceMs, candidateMs }) => referenceMs - candidateMs)),
  };
}

/**
 * The narrowest interval between two order statistics of equal rank from below and above that holds the distribution's
 * median with a probability of at least 90 %: 1 - 2 P(Binomial(n, 1/2) < k). The whole range where n is too small.
 */
export function medianInterval(values: readonly number[]): MedianInterval {
  const sorted = values.toSorted((a, b) => a - b);
  const n = sorted.length;
  let rank = 0; // values left out at each end
  let probability = 2 ** -n; // of exactly `rank` values below the median
  let tail = probability;
  while (rank + 1 < n - rank - 1) {
    probability *= (n - rank) / (rank + 1);
    if (1 - 2 * (tail + probability) < COVERAGE) break;
    tail += probability;
    rank++;
  }
  return { median: median(values), low: present(sorted[rank]), high: present(sorted[n - 1 - rank]) };
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? present(sorted[middle])
    : (present(sorted[middle - 1]) + present(sorted[middle])) / 2;
}
