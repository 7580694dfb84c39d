/**
 * CogVideoX's stochastic DPM-Solver++ of order 2, as `CogVideoXDPMScheduler` of diffusers steps it: lambdas from the
 * shifted SNR, noise in every step but the last. `clip_sample` is in its config, but its step never clips.
 */
import { present } from '../../errors/present';
import { booleanField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { alphaAt, shiftedCumulativeAlphas, trainedSteps } from './alphas';
import { mixOf, withCarried } from './combination';
import type { PredictionType } from './ddim';
import { denoisedCoefficients, spacedTimesteps } from './ddim';
import type { Scheduler, SchedulerStep } from './Scheduler';
import { choiceField, SCHEDULER_FILE, unsupported } from './schedulerFields';
import { checkStepCount } from './spacing';

export function cogVideoXDpmScheduler(config: SchedulerConfig, steps: number): Scheduler {
  const trained = trainedSteps(config);
  checkStepCount(steps, trained);
  const prediction = choiceField<PredictionType>(
    config,
    'prediction_type',
    ['epsilon', 'sample', 'v_prediction'],
    'epsilon',
  );
  const alphaBars = shiftedCumulativeAlphas(config);
  const final = booleanField(config, 'set_alpha_to_one', true, SCHEDULER_FILE) ? 1 : present(alphaBars[0]);
  const stride = Math.floor(trained / steps);
  const timesteps = spacedTimesteps(config, trained, steps);
  const lambda = (alphaBar: number) => 0.5 * Math.log(alphaBar / (1 - alphaBar));
  const list = timesteps.map((timestep, i): SchedulerStep => {
    const from = alphaAt(config, alphaBars, timestep);
    if (from === 0 && prediction === 'epsilon')
      throw unsupported(
        config,
        'rescale_betas_zero_snr and epsilon prediction',
        'at zero SNR the noise says nothing of the sample',
      );
    const next = timestep - stride;
    const to = next >= 0 ? alphaAt(config, alphaBars, next) : final;
    const h = lambda(to) - lambda(from);
    const first = -Math.expm1(-2 * h) * Math.sqrt(to);
    const earlier = i === 0 || next < 0 ? undefined : present(alphaBars[present(timesteps[i - 1])]);
    const slope = earlier === undefined ? 0 : h / (lambda(from) - lambda(earlier)) / 2;
    const keep = to === 1 ? 0 : Math.sqrt((1 - to) / (1 - from)) * Math.exp(-h);
    return {
      timestep,
      inputScale: 1,
      ...denoisedCoefficients(prediction, Math.sqrt(from), Math.sqrt(1 - from)),
      ...mixOf({ latent: keep, estimates: [first * (1 + slope), -first * slope] }),
      noise: to === 1 ? 0 : Math.sqrt(1 - to) * Math.sqrt(-Math.expm1(-2 * h)),
    };
  });
  return { name: config._class_name, initialNoiseScale: 1, steps: withCarried(list) };
}
