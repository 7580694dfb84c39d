/** Noise levels: sigma = sqrt((1 - abar) / abar), the spacings over it, and the way back from a sigma to a timestep. */
import { linspace } from './spacing';

/** In the order of the timesteps 0 .. T-1 (ascending). */
export function sigmasOf(alphaBars: Float32Array): Float32Array {
  return alphaBars.map((alphaBar) => Math.fround(Math.sqrt(Math.fround(Math.fround(1 - alphaBar) / alphaBar))));
}

/** numpy.interp of a table over the integers 0 .. length-1, clamped at both ends. */
export function interpolate(table: Float32Array, position: number): number {
  if (position <= 0) return table[0]!;
  if (position >= table.length - 1) return table[table.length - 1]!;
  const low = Math.floor(position);
  return table[low]! + (position - low) * (table[low + 1]! - table[low]!);
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

/** The fractional timestep whose log sigma is log(sigma), by linear interpolation; clamped to the table. */
export function sigmaToTimestep(sigma: number, logSigmas: Float32Array): number {
  const logSigma = Math.log(Math.max(sigma, 1e-10));
  let low = 0;
  while (low < logSigmas.length - 2 && logSigmas[low + 1]! <= logSigma) low++;
  const weight = (logSigmas[low]! - logSigma) / (logSigmas[low]! - logSigmas[low + 1]!);
  return low + Math.min(1, Math.max(0, weight));
}
