/**
 * The cumulative products of alpha (abar_t) of discrete-time schedulers, as diffusers computes them: betas and
 * products rounded to float32, the running product kept in float64 (torch's CPU cumprod does the same).
 */

import { booleanField, countField, numberField, numbersField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { choiceField, SCHEDULER_FILE } from './schedulerFields';

const round = Math.fround;

export interface AlphaDefaults {
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly betaSchedule: 'linear' | 'scaled_linear' | 'squaredcos_cap_v2';
}

const DIFFUSERS_DEFAULTS: AlphaDefaults = { betaStart: 0.0001, betaEnd: 0.02, betaSchedule: 'linear' };

export function trainedSteps(config: SchedulerConfig): number {
  return countField(config, 'num_train_timesteps', 1000, SCHEDULER_FILE);
}

/** beta_t for t = 0 .. T-1, before any rescaling. */
function betas(config: SchedulerConfig, defaults: AlphaDefaults): Float32Array {
  const trained = numbersField(config, 'trained_betas', SCHEDULER_FILE);
  if (trained) return Float32Array.from(trained);
  const count = trainedSteps(config);
  const start = numberField(config, 'beta_start', defaults.betaStart, SCHEDULER_FILE);
  const end = numberField(config, 'beta_end', defaults.betaEnd, SCHEDULER_FILE);
  const schedule = choiceField(
    config,
    'beta_schedule',
    ['linear', 'scaled_linear', 'squaredcos_cap_v2'],
    defaults.betaSchedule,
  );
  switch (schedule) {
    case 'linear':
      return linspaceFloat32(start, end, count);
    case 'scaled_linear':
      return linspaceFloat32(Math.sqrt(start), Math.sqrt(end), count).map((value) => value * value);
    case 'squaredcos_cap_v2':
      return Float32Array.from({ length: count }, (_, i) =>
        Math.min(1 - cosineAlphaBar((i + 1) / count) / cosineAlphaBar(i / count), 0.999),
      );
  }
}

/** Nichol and Dhariwal 2021, eq. 17. */
function cosineAlphaBar(time: number): number {
  return Math.cos((((time + 0.008) / 1.008) * Math.PI) / 2) ** 2;
}

/** torch.linspace in float32: counts up from the start in the first half and down from the end in the second. */
function linspaceFloat32(start: number, end: number, count: number): Float32Array {
  const first = round(start);
  const last = round(end);
  const step = count > 1 ? round(round(last - first) / (count - 1)) : 0;
  return Float32Array.from({ length: count }, (_, i) =>
    i < count / 2 ? first + step * i : last - step * (count - 1 - i),
  );
}

function cumulativeProduct(alphas: Float32Array): Float32Array {
  let product = 1;
  return alphas.map((alpha) => (product *= alpha));
}

/** Lin et al. 2023 (arXiv 2305.08891), algorithm 1: shift and scale sqrt(abar) so that its last entry is 0. */
function withZeroTerminalSnr(alphaBars: Float32Array): Float32Array {
  const roots = alphaBars.map(Math.sqrt);
  const first = roots[0]!;
  const last = roots[roots.length - 1]!;
  const scale = round(first / round(first - last));
  return roots.map((root) => round(round(root - last) * scale) ** 2);
}

/**
 * abar_t for t = 0 .. T-1. `terminal` replaces the last entry when the config asks for zero terminal SNR
 * (samplers that divide by abar use 2^-24 there).
 */
export function cumulativeAlphas(
  config: SchedulerConfig,
  terminal?: number,
  defaults = DIFFUSERS_DEFAULTS,
): Float32Array {
  const alphaBars = cumulativeProduct(betas(config, defaults).map((beta) => 1 - beta));
  if (!booleanField(config, 'rescale_betas_zero_snr', false, SCHEDULER_FILE)) return alphaBars;
  const rescaled = withZeroTerminalSnr(alphaBars);
  if (terminal !== undefined) rescaled[rescaled.length - 1] = terminal;
  return rescaled;
}

/** CogVideoX: the SNR shifted as in SD3, then the zero terminal SNR (in that order). */
export function shiftedCumulativeAlphas(config: SchedulerConfig): Float32Array {
  const defaults: AlphaDefaults = { betaStart: 0.00085, betaEnd: 0.012, betaSchedule: 'scaled_linear' };
  const scale = numberField(config, 'snr_shift_scale', 3, SCHEDULER_FILE);
  const shifted = cumulativeProduct(betas(config, defaults).map((beta) => 1 - beta)).map(
    (alphaBar) => alphaBar / (scale + (1 - scale) * alphaBar),
  );
  return booleanField(config, 'rescale_betas_zero_snr', false, SCHEDULER_FILE) ? withZeroTerminalSnr(shifted) : shifted;
}
