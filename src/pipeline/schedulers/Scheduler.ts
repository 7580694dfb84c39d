/**
 * What every sampler of the studio is: a list of steps made of coefficients. A scheduler never sees a tensor;
 * `applyStep` is the one place where its coefficients meet a latent. Not here: calling the denoiser, guidance.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Limit } from './limit';
import { limited } from './limit';

/** A weighted sum of what a step has at hand. Weights that are absent are 0. */
export interface Mix {
  /** Of the latent that the denoiser saw. */
  readonly keep: number;
  /** Of the denoised latent (limited, where the step has a limit). */
  readonly add: number;
  /** Of the denoised latent before its limit. */
  readonly addUnlimited?: number;
  /** Of the estimates of earlier steps, the last step's first. */
  readonly addEarlier?: readonly number[];
  /** Of the base that an earlier step set. */
  readonly keepBase?: number;
}

/** latent <- the mix + noise * eps. */
export interface SchedulerStep extends Mix {
  /** What the denoiser is told; may be fractional or negative (SVD's 0.25 ln sigma). */
  readonly timestep: number;
  /** The denoiser sees inputScale * latent. */
  readonly inputScale: number;
  /** denoised = denoisedFromLatent * latent + denoisedFromOutput * output (the prediction type, as numbers). */
  readonly denoisedFromLatent: number;
  readonly denoisedFromOutput: number;
  /** 0 where the step is deterministic. */
  readonly noise: number;
  /** `clip_sample` or `thresholding`. */
  readonly limit?: Limit;
  /** What later steps know of this one, as a sum of latent and (limited) denoised; absent: the denoised. */
  readonly estimate?: Estimate;
  /** How many estimates the next step is given, this one's included. */
  readonly carries?: number;
  /** What becomes the base of the next step; absent: no base is kept. */
  readonly base?: Mix;
}

export interface Estimate {
  readonly fromLatent: number;
  readonly fromDenoised: number;
}

export interface Scheduler {
  /** The class of the config: 'DDIMScheduler'. */
  readonly name: string;
  /** The first latent is this times unit normal noise. */
  readonly initialNoiseScale: number;
  /** One entry a denoiser call: samplers of higher order call it more often than they were asked to step. */
  readonly steps: readonly SchedulerStep[];
}

export interface StepInput {
  readonly latent: Float32Array;
  /** The denoiser's output, guidance applied; as long as `latent`. */
  readonly output: Float32Array;
  /** The result of the step before; absent in the first. */
  readonly previous?: StepResult | undefined;
  /** Unit normal noise; needed when `noise` is not 0. */
  readonly noise?: Float32Array | undefined;
}

export interface StepResult {
  /** The latent after the step. */
  readonly latent: Float32Array;
  /** This step's estimate of the clean latent (limited where the config limits): what a preview decodes. */
  readonly denoised: Float32Array;
  /** For the steps to come: estimates, this step's first, and the base. Shared between results; not to be changed. */
  readonly estimates?: readonly Float32Array[];
  readonly base?: Float32Array;
}

/** Takes one step. Returns new arrays; the input's are left as they are. Sums in float64, rounds once. */
export function applyStep(step: SchedulerStep, { latent, output, previous, noise }: StepInput): StepResult {
  if (output.length !== latent.length)
    throw new RangeError(`output has ${output.length} values, latent ${latent.length}`);
  if (step.noise !== 0 && !noise) throw new RangeError('this step needs noise');
  const unlimited = new Float64Array(latent.length);
  for (let i = 0; i < latent.length; i++) {
    unlimited[i] = step.denoisedFromLatent * latent[i]! + step.denoisedFromOutput * output[i]!;
  }
  const clean = step.limit ? limited(unlimited, step.limit) : unlimited;
  const known: Known = { latent, clean, unlimited, earlier: previous?.estimates ?? [], base: previous?.base };
  const next = mixed(step, known);
  if (step.noise !== 0) next.forEach((value, i) => (next[i] = value + step.noise * noise![i]!));
  const denoised = Float32Array.from(clean);
  const estimates = step.carries
    ? [estimateOf(step.estimate, latent, clean, denoised), ...known.earlier].slice(0, step.carries)
    : undefined;
  return {
    latent: Float32Array.from(next),
    denoised,
    ...(estimates ? { estimates } : {}),
    ...(step.base ? { base: Float32Array.from(mixed(step.base, known)) } : {}),
  };
}

interface Known {
  readonly latent: Float32Array;
  readonly clean: Float64Array;
  readonly unlimited: Float64Array;
  readonly earlier: readonly Float32Array[];
  readonly base: Float32Array | undefined;
}

function mixed(mix: Mix, { latent, clean, unlimited, earlier, base }: Known): Float64Array {
  const terms: [number, ArrayLike<number> | undefined][] = [
    [mix.keep, latent],
    [mix.add, clean],
    [mix.addUnlimited ?? 0, unlimited],
    [mix.keepBase ?? 0, base],
    ...(mix.addEarlier ?? []).map((weight, i): [number, Float32Array | undefined] => [weight, earlier[i]]),
  ];
  const sum = new Float64Array(latent.length);
  for (const [weight, values] of terms) {
    if (weight === 0) continue;
    if (!values) throw new RangeError('this step needs what an earlier step left');
    for (let i = 0; i < sum.length; i++) sum[i]! += weight * values[i]!;
  }
  return sum;
}

function estimateOf(
  estimate: Estimate | undefined,
  latent: Float32Array,
  clean: Float64Array,
  denoised: Float32Array,
): Float32Array {
  if (!estimate) return denoised;
  return latent.map((value, i) => estimate.fromLatent * value + estimate.fromDenoised * clean[i]!);
}
