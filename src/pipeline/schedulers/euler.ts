/**
 * Euler's method over sigma (Karras et al. 2022, arXiv 2206.00364, algorithm 2 without churn), as
 * `EulerDiscreteScheduler` of diffusers steps it (the sampler of Stable Video Diffusion), and its ancestral form,
 * which adds noise, as `EulerAncestralDiscreteScheduler` does.
 */

import { present } from '../../errors/present';
import { numberField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { cumulativeAlphas, trainedSteps } from './alphas';
import type { PredictionType } from './ddim';
import { givenGrid } from './givenGrid';
import type { Scheduler, SchedulerStep } from './Scheduler';
import { choiceField, SCHEDULER_FILE } from './schedulerFields';
import { interpolate, respacing, sigmasOf, sigmaToTimestep } from './sigmas';
import { checkStepCount, leading, linspace, SPACINGS, trailing } from './spacing';

/** 'original_sample' is an old name of 'sample'. */
const PREDICTIONS = ['epsilon', 'sample', 'original_sample', 'v_prediction'] as const;

export function eulerScheduler(config: SchedulerConfig, steps: number): Scheduler {
  const trained = trainedSteps(config);
  checkStepCount(steps, trained);
  const chosen = choiceField(config, 'prediction_type', PREDICTIONS, 'epsilon');
  const prediction = chosen === 'original_sample' ? 'sample' : chosen;
  const spacing = choiceField(config, 'timestep_spacing', SPACINGS, 'linspace');
  const { sigmas, ...schedule } = noiseLevels(config, steps, trained, spacing);
  const continuous = choiceField(config, 'timestep_type', ['discrete', 'continuous'], 'discrete') === 'continuous';
  // told by sigma, every sigma but the last is a step: log_linear has one more of those than timesteps
  const timesteps =
    continuous && prediction === 'v_prediction'
      ? sigmas.slice(0, -1).map((sigma) => Math.fround(0.25 * Math.fround(Math.log(sigma))))
      : schedule.timesteps;
  const largest = Math.max(...sigmas);
  return {
    name: config._class_name,
    initialNoiseScale: spacing === 'leading' ? Math.sqrt(largest * largest + 1) : largest,
    steps: timesteps.map((timestep, i) => eulerStep(timestep, present(sigmas[i]), present(sigmas[i + 1]), prediction)),
  };
}

/** Settings of the plain form that the ancestral one does not have. */
const ANCESTRAL_SETTINGS = {
  use_karras_sigmas: false,
  use_exponential_sigmas: false,
  use_beta_sigmas: false,
  final_sigmas_type: 'zero',
  interpolation_type: 'linear',
  timestep_type: 'discrete',
};

/** Follows the slope down past the next sigma, then adds the noise that leads back up to it (k-diffusion). */
export function eulerAncestralScheduler(config: SchedulerConfig, steps: number): Scheduler {
  const plain = eulerScheduler({ ...config, ...ANCESTRAL_SETTINGS }, steps);
  return { ...plain, steps: plain.steps.map(withAncestralNoise) };
}

/** In `step`, keep is sigma' / sigma, and inputScale gives sigma. */
function withAncestralNoise(step: SchedulerStep): SchedulerStep {
  const ratio = step.keep;
  const sigma = Math.sqrt(1 / step.inputScale ** 2 - 1);
  return { ...step, keep: ratio * ratio, add: 1 - ratio * ratio, noise: sigma * ratio * Math.sqrt(1 - ratio * ratio) };
}

/** Timesteps, and one sigma more than those: the last is where the run ends. */
function noiseLevels(
  config: SchedulerConfig,
  steps: number,
  trained: number,
  spacing: (typeof SPACINGS)[number],
): { timesteps: number[]; sigmas: number[] } {
  const table = sigmasOf(cumulativeAlphas(config, 2 ** -24));
  const logSigmas = table.map(Math.log);
  const timestepsOf = (sigmas: readonly number[]) =>
    sigmas.map((sigma) => Math.fround(sigmaToTimestep(sigma, logSigmas)));
  const given = givenGrid(config, steps);
  if (given?.sigmas) return { timesteps: timestepsOf(given.sigmas), sigmas: [...given.sigmas, 0].map(Math.fround) };
  let timesteps = (given?.timesteps ?? eulerTimesteps(config, steps, trained, spacing)).map(Math.fround);
  let sigmas = timesteps.map((timestep) => interpolate(table, timestep));
  if (choiceField(config, 'interpolation_type', ['linear', 'log_linear'], 'linear') === 'log_linear') {
    sigmas = linspace(Math.log(present(table[table.length - 1])), Math.log(present(table[0])), steps + 1).map(Math.exp);
  }
  const respaced = respacing(config);
  if (respaced) {
    const largest = numberField(config, 'sigma_max', present(sigmas[0]), SCHEDULER_FILE);
    const smallest = numberField(config, 'sigma_min', present(sigmas[sigmas.length - 1]), SCHEDULER_FILE);
    sigmas = respaced(smallest, largest, steps);
    timesteps = timestepsOf(sigmas);
  }
  const endsAtZero = choiceField(config, 'final_sigmas_type', ['zero', 'sigma_min'], 'zero') === 'zero';
  return { timesteps, sigmas: [...sigmas, endsAtZero ? 0 : present(table[0])].map(Math.fround) };
}

/** Unlike DDIM's, linspace timesteps stay fractional. */
export function eulerTimesteps(
  config: SchedulerConfig,
  steps: number,
  trained: number,
  spacing: (typeof SPACINGS)[number],
): number[] {
  switch (spacing) {
    case 'linspace':
      return linspace(0, trained - 1, steps).reverse();
    case 'leading':
      return leading(trained, steps, numberField(config, 'steps_offset', 0, SCHEDULER_FILE));
    case 'trailing':
      return trailing(trained, trained, steps);
  }
}

/** x' = x + (x - x0) / sigma * (sigma' - sigma), and the denoiser sees x / sqrt(sigma^2 + 1). */
function eulerStep(timestep: number, sigma: number, nextSigma: number, prediction: PredictionType): SchedulerStep {
  const inputScale = 1 / Math.sqrt(sigma * sigma + 1);
  return {
    timestep,
    inputScale,
    ...eulerDenoised(prediction, sigma, inputScale),
    keep: nextSigma / sigma,
    add: 1 - nextSigma / sigma,
    noise: 0,
  };
}

/** At noise level sigma, with the denoiser seeing inputScale * latent. */
export function eulerDenoised(
  prediction: PredictionType,
  sigma: number,
  inputScale: number,
): Pick<SchedulerStep, 'denoisedFromLatent' | 'denoisedFromOutput'> {
  switch (prediction) {
    case 'epsilon':
      return { denoisedFromLatent: 1, denoisedFromOutput: -sigma };
    case 'sample':
      return { denoisedFromLatent: 0, denoisedFromOutput: 1 };
    case 'v_prediction':
      return { denoisedFromLatent: inputScale * inputScale, denoisedFromOutput: -sigma * inputScale };
  }
}
