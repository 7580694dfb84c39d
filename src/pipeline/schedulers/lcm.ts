/**
 * Latent consistency models (Luo et al. 2023, arXiv 2310.04378, algorithm 3): few steps, each jumping to the clean
 * latent and adding fresh noise, as `LCMScheduler` of diffusers steps it. The sampler of distilled video models.
 */
import { StudioError } from '../../errors/StudioError';
import { countField, numberField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { alphaAt, cumulativeAlphas, trainedSteps } from './alphas';
import type { PredictionType } from './ddim';
import { denoisedCoefficients } from './ddim';
import { givenGrid } from './givenGrid';
import { limitOf } from './limit';
import type { Scheduler, SchedulerStep } from './Scheduler';
import { choiceField, SCHEDULER_FILE, unsupported } from './schedulerFields';

/** The data's standard deviation in the boundary condition; diffusers fixes it. */
const SIGMA_DATA = 0.5;

export function lcmScheduler(config: SchedulerConfig, steps: number): Scheduler {
  const prediction = choiceField<PredictionType>(
    config,
    'prediction_type',
    ['epsilon', 'sample', 'v_prediction'],
    'epsilon',
  );
  const alphaBars = cumulativeAlphas(config, undefined, {
    betaStart: 0.00085,
    betaEnd: 0.012,
    betaSchedule: 'scaled_linear',
  });
  const scaling = numberField(config, 'timestep_scaling', 10, SCHEDULER_FILE);
  const limit = limitOf(config, false);
  const timesteps = distilledTimesteps(config, steps);
  return {
    name: config._class_name,
    initialNoiseScale: 1,
    steps: timesteps.map((timestep, i): SchedulerStep => {
      const alphaBar = alphaAt(config, alphaBars, timestep);
      if (alphaBar === 0 && prediction === 'epsilon')
        throw unsupported(
          config,
          'rescale_betas_zero_snr and epsilon prediction',
          'at zero SNR the noise says nothing of the sample',
        );
      const next = timesteps[i + 1];
      const nextAlphaBar = next === undefined ? 1 : alphaAt(config, alphaBars, next);
      const { skip, out } = boundary(timestep * scaling);
      const signal = Math.sqrt(nextAlphaBar);
      return {
        timestep,
        inputScale: 1,
        ...denoisedCoefficients(prediction, Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)),
        keep: signal * skip,
        add: signal * out,
        noise: Math.sqrt(1 - nextAlphaBar),
        ...(limit ? { limit } : {}),
      };
    }),
  };
}

/** Every k-th timestep was distilled (k = T / original_inference_steps); n of those, evenly by index, from the top. */
function distilledTimesteps(config: SchedulerConfig, steps: number): readonly number[] {
  const given = givenGrid(config, steps)?.timesteps;
  if (given) return given;
  const distilled = countField(config, 'original_inference_steps', 50, SCHEDULER_FILE, 1e6);
  if (!Number.isSafeInteger(steps) || steps < 1 || steps > distilled) {
    throw new StudioError(
      'library/unsupported-scheduler',
      `${steps} steps cannot be taken: this model was distilled for 1 to ${distilled}.`,
      { steps, trained: distilled },
    );
  }
  const stride = Math.floor(trainedSteps(config) / distilled);
  return Array.from({ length: steps }, (_, i) => (distilled - Math.floor((i * distilled) / steps)) * stride - 1);
}

/** The boundary condition that makes the model the identity at t = 0 (eq. 9 of the paper). */
function boundary(scaledTimestep: number): { skip: number; out: number } {
  const square = scaledTimestep ** 2 + SIGMA_DATA ** 2;
  return { skip: SIGMA_DATA ** 2 / square, out: scaledTimestep / Math.sqrt(square) };
}
