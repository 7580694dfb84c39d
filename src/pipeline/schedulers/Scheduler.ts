/**
 * What every sampler of the studio is: a list of steps made of coefficients. A scheduler never sees a tensor;
 * `applyStep` is the one place where its coefficients meet a latent. Not here: calling the denoiser, guidance.
 */

export interface SchedulerStep {
  /** What the denoiser is told; may be fractional or negative (SVD's 0.25 ln sigma). */
  readonly timestep: number;
  /** The denoiser sees inputScale * latent. */
  readonly inputScale: number;
  /** denoised = denoisedFromLatent * latent + denoisedFromOutput * output (the prediction type, as numbers). */
  readonly denoisedFromLatent: number;
  readonly denoisedFromOutput: number;
  /** latent <- keep * latent + add * denoised + addPrevious * previous denoised + noise * eps. */
  readonly keep: number;
  readonly add: number;
  /** 0 where the step needs no earlier denoised (always 0 in the first step). */
  readonly addPrevious: number;
  /** 0 where the step is deterministic. */
  readonly noise: number;
  /** `clip_sample`: adds clip.add * clamp(denoised, -clip.range, clip.range); `add` then holds the rest. */
  readonly clip?: { readonly range: number; readonly add: number };
}

export interface Scheduler {
  /** The class of the config: 'DDIMScheduler'. */
  readonly name: string;
  /** The first latent is this times unit normal noise. */
  readonly initialNoiseScale: number;
  readonly steps: readonly SchedulerStep[];
}

export interface StepInput {
  readonly latent: Float32Array;
  /** The denoiser's output, guidance applied; as long as `latent`. */
  readonly output: Float32Array;
  /** The denoised of the step before; needed when `addPrevious` is not 0. */
  readonly previousDenoised?: Float32Array;
  /** Unit normal noise; needed when `noise` is not 0. */
  readonly noise?: Float32Array;
}

export interface StepResult {
  /** The latent after the step. */
  readonly latent: Float32Array;
  /** This step's estimate of the clean latent (clipped where the config clips): what a preview decodes. */
  readonly denoised: Float32Array;
}

/** Takes one step. Returns new arrays; the input's are left as they are. Sums in float64, rounds once. */
export function applyStep(step: SchedulerStep, input: StepInput): StepResult {
  const { latent, output, previousDenoised, noise } = input;
  if (output.length !== latent.length)
    throw new RangeError(`output has ${output.length} values, latent ${latent.length}`);
  if (step.addPrevious !== 0 && !previousDenoised) throw new RangeError('this step needs the previous denoised latent');
  if (step.noise !== 0 && !noise) throw new RangeError('this step needs noise');
  const next = new Float32Array(latent.length);
  const denoised = new Float32Array(latent.length);
  for (let i = 0; i < latent.length; i++) {
    const clean = step.denoisedFromLatent * latent[i]! + step.denoisedFromOutput * output[i]!;
    let sum = step.keep * latent[i]! + step.add * clean;
    if (step.addPrevious !== 0) sum += step.addPrevious * previousDenoised![i]!;
    if (step.noise !== 0) sum += step.noise * noise![i]!;
    denoised[i] = clean;
    if (step.clip) {
      denoised[i] = Math.min(step.clip.range, Math.max(-step.clip.range, clean));
      sum += step.clip.add * denoised[i]!;
    }
    next[i] = sum;
  }
  return { latent: next, denoised };
}
