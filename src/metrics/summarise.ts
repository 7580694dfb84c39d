/**
 * Statistics of one figure over prompts and seeds: mean, spread, and the worst case. What a table or a grid shows of
 * many clips; it knows neither clips nor which figure it is.
 */
import { present } from '../errors/present';

export interface Summary {
  readonly count: number;
  /** How many of `count` are not finite (PSNR of equal clips is infinite); the figures below are of the others. */
  readonly notFinite: number;
  readonly mean: number;
  /** Of the sample (n - 1); 0 for one value. */
  readonly standardDeviation: number;
  readonly median: number;
  /** 95 % interval of the mean by Student's t; null for fewer than two values, which say nothing of it. */
  readonly interval95: readonly [low: number, high: number] | null;
  readonly worst: { readonly value: number; readonly index: number };
}

/** Which end of a figure is bad: an error's upper one, a quality's (PSNR, SSIM, JOD) lower one. */
export type Worse = 'higher' | 'lower';

/** Null where no value is finite. `worst.index` is the place in `values`. */
export function summarise(values: readonly number[], worse: Worse = 'higher'): Summary | null {
  const order = worstFirst(values, worse).filter((index) => Number.isFinite(values[index]));
  const count = order.length;
  if (count === 0) return null;
  const sorted = order.map((index) => present(values[index]));
  const mean = sorted.reduce((sum, value) => sum + value, 0) / count;
  const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardDeviation = count < 2 ? 0 : Math.sqrt(squares / (count - 1));
  const half = count < 2 ? null : (studentT975(count - 1) * standardDeviation) / Math.sqrt(count);
  return {
    count: values.length,
    notFinite: values.length - count,
    mean,
    standardDeviation,
    median: (present(sorted[(count - 1) >> 1]) + present(sorted[count >> 1])) / 2,
    interval95: half === null ? null : [mean - half, mean + half],
    worst: { value: present(sorted[0]), index: present(order[0]) },
  };
}

/** Places of `values`, the worst first: NaN and what is infinitely bad lead, equal values keep their order. */
export function worstFirst(values: readonly number[], worse: Worse = 'higher'): readonly number[] {
  const sign = worse === 'higher' ? 1 : -1;
  const badness = values.map((value) => (Number.isNaN(value) ? Infinity : sign * value));
  return values
    .map((_, index) => index)
    .sort((a, b) => (badness[a] === badness[b] ? a - b : Math.sign(present(badness[b]) - present(badness[a]))));
}

/**
 * Student's t at 97.5 %: exact for one and two degrees of freedom, else the Cornish-Fisher expansion around the normal
 * quantile (Abramowitz and Stegun 26.7.5), within 0.3 % at three degrees and 0.01 % from six on.
 */
export function studentT975(degrees: number): number {
  const probability = 0.975;
  if (degrees === 1) return Math.tan(Math.PI * (probability - 0.5));
  if (degrees === 2) return (2 * probability - 1) / Math.sqrt(2 * probability * (1 - probability));
  const z = 1.959963984540054;
  const powers = [z, z ** 3, z ** 5, z ** 7, z ** 9] as const;
  const polynomial = (...coefficients: readonly number[]) =>
    coefficients.reduce((sum, coefficient, power) => sum + coefficient * present(powers[power]), 0);
  return (
    z +
    polynomial(1, 1) / (4 * degrees) +
    polynomial(3, 16, 5) / (96 * degrees ** 2) +
    polynomial(-15, 17, 19, 3) / (384 * degrees ** 3) +
    polynomial(-945, -1920, 1482, 776, 79) / (92160 * degrees ** 4)
  );
}
