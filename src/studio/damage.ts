/** Errors over runs and states as one damage, with the intervals that several runs give. */
import { studentT975 } from '../metrics/summarise';
import type { SplitError } from './teacherRuns';

/** States with a larger share of noise than this are of the high band: there motion is decided (arXiv 2512.22175). */
export const HIGH_NOISE = 0.6;

export interface Damage extends SplitError {
  /** Half the 95 % interval of `total` over runs, by Student's t; 0 for a single run, which says nothing of it. */
  readonly halfInterval: number;
  /** The same of its parts. */
  readonly halfContent: number;
  readonly halfMotion: number;
}

/** `perRun`: the errors of each run. */
export function damageOf(perRun: readonly (readonly SplitError[])[]): Damage {
  const means = perRun.map(meanError);
  const half = (key: keyof SplitError) => halfInterval(means.map((error) => error[key]));
  return {
    ...meanError(perRun.flat()),
    halfInterval: half('total'),
    halfContent: half('content'),
    halfMotion: half('motion'),
  };
}

export function meanError(errors: readonly SplitError[]): SplitError {
  const mean = (key: keyof SplitError) => errors.reduce((sum, error) => sum + error[key], 0) / errors.length;
  return { content: mean('content'), motion: mean('motion'), total: mean('total') };
}

function halfInterval(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return studentT975(values.length - 1) * Math.sqrt(variance / values.length);
}
