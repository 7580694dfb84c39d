/** Noise levels: sigma = sqrt((1 - abar) / abar), the spacings over it, and the way back from a sigma to a timestep. */
import { present } from '../../errors/present';
import { booleanField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { betaQuantile } from './betaQuantile';
import { SCHEDULER_FILE } from './schedulerFields';
import { linspace } from './spacing';

/** In the order of the timesteps 0 .. T-1 (ascending). */
export function sigmasOf(alphaBars: Float32Array): Float32Array {
  return alphaBars.map((alphaBar) => Math.fround(Math.sqrt(Math.fround(Math.fround(1 - alphaBar) / alphaBar))));
}

/** numpy.interp of a table over the integers 0 .. length-1, clamped at both ends. */
export function interpolate(table: Float32Array, position: number): number {
  if (position <= 0) return present(table[0]);
  if (position >= table.length - 1) return present(table[table.length - 1]);
  const low = Math.floor(position);
  return present(table[low]) + (position - low) * (present(table[low + 1]) - present(table[low]));
}

/** Karras et al. 2022 (arXiv 2206.00364), eq. 5, rho = 7. */
export function karrasSigmas(smallest: number, largest: number, steps: number): number[] {
  const rho = 7;
  const from = largest ** (1 / rho);
  const to = smallest ** (1 / rho);
  return linspace(0, 1, steps).map((ramp) => (from + ramp * (to - from)) ** rho);
}

/** Equal ratios from largest to smallest. */
export function exponentialSigmas(smallest: number, largest: number, steps: number): number[] {
  return linspace(Math.log(largest), Math.log(smallest), steps).map(Math.exp);
}

/** Quantiles of the beta distribution between smallest and largest (Lee et al. 2024, arXiv 2407.12173). */
export function betaSigmas(smallest: number, largest: number, steps: number): number[] {
  return linspace(0, 1, steps).map((fraction) => smallest + betaQuantile(1 - fraction) * (largest - smallest));
}

export type Respacing = (smallest: number, largest: number, steps: number) => number[];

/** What the config asks for in place of the sigmas of its timesteps. */
export function respacing(config: SchedulerConfig): Respacing | undefined {
  const asked = (field: string) => booleanField(config, field, false, SCHEDULER_FILE);
  if (asked('use_karras_sigmas')) return karrasSigmas;
  if (asked('use_exponential_sigmas')) return exponentialSigmas;
  return asked('use_beta_sigmas') ? betaSigmas : undefined;
}

/**
 * The fractional timestep whose log sigma is log(sigma), by linear interpolation; clamped to the table. Rescaled tables
 * do not rise everywhere: the last entry that is not above counts, as in diffusers.
 */
export function sigmaToTimestep(sigma: number, logSigmas: Float32Array): number {
  const logSigma = Math.log(Math.max(sigma, 1e-10));
  const last = logSigmas.findLastIndex((entry) => entry <= logSigma);
  const low = Math.min(Math.max(0, last), logSigmas.length - 2);
  const weight = (present(logSigmas[low]) - logSigma) / (present(logSigmas[low]) - present(logSigmas[low + 1]));
  return low + Math.min(1, Math.max(0, weight));
}
