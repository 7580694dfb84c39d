/**
 * Heun's method over sigma (Karras et al. 2022, arXiv 2206.00364, algorithm 1), as `HeunDiscreteScheduler` of
 * diffusers steps it: every step but the last calls the denoiser twice, so a run of n steps has 2 n - 1 calls.
 */
import { present } from '../../errors/present';
import { numberField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { cumulativeAlphas, trainedSteps } from './alphas';
import { withCarried } from './combination';
import { eulerDenoised, eulerTimesteps } from './euler';
import { givenGrid } from './givenGrid';
import { limitOf } from './limit';
import type { Mix, Scheduler, SchedulerStep } from './Scheduler';
import { choiceField, SCHEDULER_FILE } from './schedulerFields';
import { interpolate, respacing, sigmasOf, sigmaToTimestep } from './sigmas';
import { checkStepCount, SPACINGS } from './spacing';

export function heunScheduler(config: SchedulerConfig, steps: number): Scheduler {
  const trained = trainedSteps(config);
  checkStepCount(steps, trained);
  const prediction = choiceField(config, 'prediction_type', ['epsilon', 'sample', 'v_prediction'], 'epsilon');
  const spacing = choiceField(config, 'timestep_spacing', SPACINGS, 'linspace');
  const { timesteps, sigmas } = noiseLevels(config, steps, eulerTimesteps(config, steps, trained, spacing));
  const limit = limitOf({ ...config, thresholding: false }, false);
  const call = (i: number, mix: Mix, base?: Mix): SchedulerStep => {
    const sigma = present(sigmas[i]);
    const inputScale = 1 / Math.sqrt(sigma * sigma + 1);
    const denoised = eulerDenoised(prediction, sigma, inputScale);
    return {
      timestep: present(timesteps[i]),
      inputScale,
      ...denoised,
      ...mix,
      noise: 0,
      ...(base ? { base } : {}),
      ...(limit ? { limit } : {}),
    };
  };
  const list: SchedulerStep[] = [];
  for (let i = 0; i < steps; i++) {
    const [sigma, next] = [present(sigmas[i]), present(sigmas[i + 1])];
    const slope = (next - sigma) / sigma; // x' = x + slope (x - x0)
    list.push(call(i, { keep: 1 + slope, add: -slope }, { keep: 1, add: 0 }));
    if (i === steps - 1) break;
    const slopeThere = (next - sigma) / next;
    // base + half of both slopes; the first one's denoised is the earlier estimate
    const mix = { keep: slopeThere / 2, add: -slopeThere / 2, keepBase: 1 + slope / 2, addEarlier: [-slope / 2] };
    list.push(call(i + 1, mix));
  }
  const largest = present(sigmas[0]);
  const initialNoiseScale = spacing === 'leading' ? Math.sqrt(largest * largest + 1) : largest;
  return { name: config._class_name, initialNoiseScale, steps: withCarried(list) };
}

function noiseLevels(
  config: SchedulerConfig,
  steps: number,
  spaced: readonly number[],
): { timesteps: number[]; sigmas: number[] } {
  const defaults = { betaStart: 0.00085, betaEnd: 0.012, betaSchedule: 'linear', knowsExp: true } as const;
  const table = sigmasOf(cumulativeAlphas({ ...config, rescale_betas_zero_snr: false }, undefined, defaults));
  let timesteps = (givenGrid(config, steps)?.timesteps ?? spaced).map(Math.fround);
  let sigmas = timesteps.map((timestep) => interpolate(table, timestep));
  const respaced = respacing(config);
  if (respaced) {
    const largest = numberField(config, 'sigma_max', present(sigmas[0]), SCHEDULER_FILE);
    const smallest = numberField(config, 'sigma_min', present(sigmas.at(-1)), SCHEDULER_FILE);
    sigmas = respaced(smallest, largest, steps);
    const logSigmas = table.map(Math.log);
    timesteps = sigmas.map((sigma) => Math.fround(sigmaToTimestep(sigma, logSigmas)));
  }
  return { timesteps, sigmas: [...sigmas, 0].map(Math.fround) };
}
