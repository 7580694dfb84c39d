/**
 * DDIM with eta = 0 (Song et al. 2020, arXiv 2010.02502, eq. 12), as `DDIMScheduler` and
 * `CogVideoXDDIMScheduler` of diffusers step it.
 */

import { present } from '../../errors/present';
import { booleanField, numberField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { cumulativeAlphas, shiftedCumulativeAlphas, trainedSteps } from './alphas';
import type { Limit } from './limit';
import { limitOf } from './limit';
import type { Scheduler, SchedulerStep } from './Scheduler';
import { choiceField, SCHEDULER_FILE, unsupported } from './schedulerFields';
import { checkStepCount, leading, linspace, roundHalfEven, SPACINGS, trailing } from './spacing';

export type PredictionType = 'epsilon' | 'sample' | 'v_prediction';

export function ddimScheduler(config: SchedulerConfig, steps: number): Scheduler {
  return stepsOf(config, steps, cumulativeAlphas(config), limitOf(config, true));
}

/** `clip_sample` is in CogVideoX's config, but its step never clips. */
export function cogVideoXDdimScheduler(config: SchedulerConfig, steps: number): Scheduler {
  return stepsOf(config, steps, shiftedCumulativeAlphas(config), undefined);
}

function stepsOf(
  config: SchedulerConfig,
  steps: number,
  alphaBars: Float32Array | Float64Array,
  limit: Limit | undefined,
): Scheduler {
  const trained = trainedSteps(config);
  checkStepCount(steps, trained);
  const prediction = choiceField<PredictionType>(
    config,
    'prediction_type',
    ['epsilon', 'sample', 'v_prediction'],
    'epsilon',
  );
  const finalAlphaBar = booleanField(config, 'set_alpha_to_one', true, SCHEDULER_FILE) ? 1 : present(alphaBars[0]);
  const stride = Math.floor(trained / steps);
  const stepAt = (timestep: number): SchedulerStep => {
    const alphaBar = alphaBars[timestep];
    if (alphaBar === undefined)
      throw unsupported(config, `${steps} steps`, `steps_offset leads to timestep ${timestep} of ${trained}`);
    if (alphaBar === 0 && prediction === 'epsilon') {
      throw unsupported(
        config,
        'rescale_betas_zero_snr and epsilon prediction',
        'at zero SNR the noise says nothing of the sample',
      );
    }
    const previous = timestep - stride;
    return ddimStep(
      timestep,
      alphaBar,
      previous >= 0 ? present(alphaBars[previous]) : finalAlphaBar,
      prediction,
      limit,
    );
  };
  return { name: config._class_name, initialNoiseScale: 1, steps: spacedTimesteps(config, trained, steps).map(stepAt) };
}

/** The trained timesteps of a run, whole numbers, as DDIM, CogVideoX and DDPM space them. */
export function spacedTimesteps(config: SchedulerConfig, trained: number, steps: number): number[] {
  switch (choiceField(config, 'timestep_spacing', SPACINGS, 'leading')) {
    case 'linspace':
      return linspace(0, trained - 1, steps)
        .map(roundHalfEven)
        .reverse();
    case 'leading':
      return leading(trained, steps, numberField(config, 'steps_offset', 0, SCHEDULER_FILE));
    case 'trailing':
      return trailing(trained, trained, steps);
  }
}

/** How the denoised sample follows from latent and output at signal sqrt(abar) and noise sqrt(1 - abar). */
export function denoisedCoefficients(
  prediction: PredictionType,
  signal: number,
  noise: number,
): Pick<SchedulerStep, 'denoisedFromLatent' | 'denoisedFromOutput'> {
  switch (prediction) {
    case 'epsilon':
      return { denoisedFromLatent: 1 / signal, denoisedFromOutput: -noise / signal };
    case 'sample':
      return { denoisedFromLatent: 0, denoisedFromOutput: 1 };
    case 'v_prediction':
      return { denoisedFromLatent: signal, denoisedFromOutput: -noise };
  }
}

/**
 * With eps = (x - sqrt(abar) x0) / sqrt(1 - abar) put in, sqrt(abar') x0 + sqrt(1 - abar') eps becomes
 * r x + (sqrt(abar') - r sqrt(abar)) x0, r = sqrt((1 - abar') / (1 - abar)). Where x0 is limited, diffusers
 * takes eps from the one before: then only the first term's x0 is the limited one.
 */
function ddimStep(
  timestep: number,
  alphaBar: number,
  nextAlphaBar: number,
  prediction: PredictionType,
  limit: Limit | undefined,
): SchedulerStep {
  const ratio = Math.sqrt((1 - nextAlphaBar) / (1 - alphaBar));
  const fromNoise = -ratio * Math.sqrt(alphaBar);
  const signal = Math.sqrt(nextAlphaBar);
  return {
    timestep,
    inputScale: 1,
    ...denoisedCoefficients(prediction, Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)),
    keep: ratio,
    add: limit ? signal : signal + fromNoise,
    noise: 0,
    ...(limit ? { limit, addUnlimited: fromNoise } : {}),
  };
}
