/**
 * Multistep solvers written down: a sum of base, latent and estimates, whatever those estimates are (the denoised
 * latent or the noise), turned into the coefficients of a step.
 */
import type { Estimate, Mix, SchedulerStep } from './Scheduler';

export interface Combination {
  readonly latent: number;
  readonly base?: number;
  /** Weights of this step's estimate and of the earlier ones, newest first. */
  readonly estimates: readonly number[];
}

/** `estimate`: as in the step; absent where estimates are the denoised latents. */
export function mixOf({ latent, base, estimates }: Combination, estimate?: Estimate): Mix {
  const [now = 0, ...earlier] = estimates;
  return {
    keep: latent + now * (estimate?.fromLatent ?? 0),
    add: now * (estimate?.fromDenoised ?? 1),
    ...(base ? { keepBase: base } : {}),
    ...(earlier.some((weight) => weight !== 0) ? { addEarlier: earlier } : {}),
  };
}

/** a + factor * b. */
export function sumOf(a: Combination, b: Combination, factor: number): Combination {
  const length = Math.max(a.estimates.length, b.estimates.length);
  return {
    latent: a.latent + factor * b.latent,
    base: (a.base ?? 0) + factor * (b.base ?? 0),
    estimates: Array.from({ length }, (_, i) => (a.estimates[i] ?? 0) + factor * (b.estimates[i] ?? 0)),
  };
}

/** The noise as an estimate: eps = (x - signal x0) / noise. */
export function noiseEstimate(signal: number, noise: number): Estimate {
  return { fromLatent: 1 / noise, fromDenoised: -signal / noise };
}

/** Lets every step carry as many estimates as the most far-sighted one asks for. */
export function withCarried(steps: readonly SchedulerStep[]): SchedulerStep[] {
  const carries = Math.max(
    0,
    ...steps.flatMap((step) => [step.addEarlier?.length ?? 0, step.base?.addEarlier?.length ?? 0]),
  );
  return steps.map((step) => (carries > 0 ? { ...step, carries } : step));
}
