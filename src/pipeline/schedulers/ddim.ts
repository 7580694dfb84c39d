/**
 * DDIM with eta = 0 (Song et al. 2020, arXiv 2010.02502, eq. 12), as `DDIMScheduler` and
 * `CogVideoXDDIMScheduler` of diffusers step it. Dynamic thresholding is refused.
 */

import { booleanField, numberField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { cumulativeAlphas, shiftedCumulativeAlphas, trainedSteps } from './alphas';
import type { Scheduler, SchedulerStep } from './Scheduler';
import { choiceField, refuseSwitches, SCHEDULER_FILE, unsupported } from './schedulerFields';
import { checkStepCount, leading, linspace, roundHalfEven, SPACINGS, trailing } from './spacing';

export type PredictionType = 'epsilon' | 'sample' | 'v_prediction';

export function ddimScheduler(config: SchedulerConfig, steps: number): Scheduler {
  refuseSwitches(config, { thresholding: 'dynamic thresholding looks at the whole sample, not at single values' });
  const alphaBars = cumulativeAlphas(config);
  const clipRange = booleanField(config, 'clip_sample', true, SCHEDULER_FILE)
    ? numberField(config, 'clip_sample_range', 1, SCHEDULER_FILE)
    : undefined;
  return stepsOf(config, steps, alphaBars, clipRange);
}

/** `clip_sample` is in CogVideoX's config, but its step never clips. */
export function cogVideoXDdimScheduler(config: SchedulerConfig, steps: number): Scheduler {
  return stepsOf(config, steps, shiftedCumulativeAlphas(config), undefined);
}

function stepsOf(
  config: SchedulerConfig,
  steps: number,
  alphaBars: Float32Array,
  clipRange: number | undefined,
): Scheduler {
  const trained = trainedSteps(config);
  checkStepCount(steps, trained);
  const prediction = choiceField<PredictionType>(
    config,
    'prediction_type',
    ['epsilon', 'sample', 'v_prediction'],
    'epsilon',
  );
  const finalAlphaBar = booleanField(config, 'set_alpha_to_one', true, SCHEDULER_FILE) ? 1 : alphaBars[0]!;
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
    return ddimStep(timestep, alphaBar, previous >= 0 ? alphaBars[previous]! : finalAlphaBar, prediction, clipRange);
  };
  return { name: config._class_name, initialNoiseScale: 1, steps: timesteps(config, trained, steps).map(stepAt) };
}

function timesteps(config: SchedulerConfig, trained: number, steps: number): number[] {
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
 * r x + (sqrt(abar') - r sqrt(abar)) x0, r = sqrt((1 - abar') / (1 - abar)). Where x0 is clipped, diffusers
 * takes eps from the unclipped one: then only the first term's x0 is the clipped one.
 */
function ddimStep(
  timestep: number,
  alphaBar: number,
  nextAlphaBar: number,
  prediction: PredictionType,
  clipRange: number | undefined,
): SchedulerStep {
  const ratio = Math.sqrt((1 - nextAlphaBar) / (1 - alphaBar));
  const fromNoise = -ratio * Math.sqrt(alphaBar);
  const signal = Math.sqrt(nextAlphaBar);
  return {
    timestep,
    inputScale: 1,
    ...denoisedCoefficients(prediction, Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)),
    keep: ratio,
    add: clipRange === undefined ? signal + fromNoise : fromNoise,
    addPrevious: 0,
    noise: 0,
    ...(clipRange === undefined ? {} : { clip: { range: clipRange, add: signal } }),
  };
}
