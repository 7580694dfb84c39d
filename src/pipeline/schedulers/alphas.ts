/**
 * The cumulative products of alpha (abar_t) of discrete-time schedulers, as diffusers computes them: betas and
 * products rounded to float32, the running product kept in float64 (torch's CPU cumprod does the same).
 */

import { present } from '../../errors/present';
import { booleanField, countField, invalid, numberField, numbersField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { choiceField, SCHEDULER_FILE, unsupported } from './schedulerFields';
import { linspace } from './spacing';

const round = Math.fround;

/** 'exp' is known to diffusers' Heun alone. */
const BETA_SCHEDULES = ['linear', 'scaled_linear', 'squaredcos_cap_v2', 'exp'] as const;

export interface AlphaDefaults {
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly betaSchedule: (typeof BETA_SCHEDULES)[number];
  readonly knowsExp?: boolean;
}

/** diffusers' defaults of most classes. */
const DIFFUSERS_DEFAULTS: AlphaDefaults = { betaStart: 0.0001, betaEnd: 0.02, betaSchedule: 'linear' };

/** Published schedulers have 1000; tables are as long as this. */
const MOST_TRAINED_STEPS = 1e6;

export function trainedSteps(config: SchedulerConfig): number {
  return countField(config, 'num_train_timesteps', 1000, SCHEDULER_FILE, MOST_TRAINED_STEPS);
}

/** beta_t for t = 0 .. T-1, before any rescaling. */
function betas(config: SchedulerConfig, defaults: AlphaDefaults): Float32Array {
  const trained = numbersField(config, 'trained_betas', SCHEDULER_FILE);
  const count = trainedSteps(config);
  if (trained && trained.length < count)
    throw invalid(SCHEDULER_FILE, 'trained_betas', `${count} numbers, one a trained timestep`, trained.slice(0, 3));
  if (trained) return Float32Array.from(trained);
  const start = numberField(config, 'beta_start', defaults.betaStart, SCHEDULER_FILE);
  const end = numberField(config, 'beta_end', defaults.betaEnd, SCHEDULER_FILE);
  const allowed = BETA_SCHEDULES.filter((name) => name !== 'exp' || defaults.knowsExp);
  const schedule = choiceField(config, 'beta_schedule', allowed, defaults.betaSchedule);
  switch (schedule) {
    case 'linear':
      return linspaceFloat32(start, end, count);
    case 'scaled_linear':
      return linspaceFloat32(Math.sqrt(start), Math.sqrt(end), count).map((value) => value * value);
    case 'squaredcos_cap_v2':
      return Float32Array.from({ length: count }, (_, i) =>
        Math.min(1 - cosineAlphaBar((i + 1) / count) / cosineAlphaBar(i / count), 0.999),
      );
    case 'exp':
      return new Float32Array(count).fill(Math.min(1 - Math.exp(-12 / count), 0.999));
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

function cumulativeProduct<T extends Float32Array | Float64Array>(alphas: T): T {
  let product = 1;
  return alphas.map((alpha) => (product *= alpha)) as T;
}

/** Lin et al. 2023 (arXiv 2305.08891), algorithm 1: shift and scale sqrt(abar) so that its last entry is 0. */
function withZeroTerminalSnr<T extends Float32Array | Float64Array>(alphaBars: T): T {
  const to = alphaBars instanceof Float32Array ? round : (value: number) => value;
  const roots = alphaBars.map(Math.sqrt);
  const first = present(roots[0]);
  const last = present(roots[roots.length - 1]);
  const scale = to(first / to(first - last));
  return roots.map((root) => to(to(root - last) * scale) ** 2) as T;
}

/** By way of the betas, as diffusers goes: its float32 loses digits there that the smallest sigmas show. */
function throughBetas(alphaBars: Float32Array): Float32Array {
  const alphas = alphaBars.map((alphaBar, i) => (i === 0 ? alphaBar : alphaBar / present(alphaBars[i - 1])));
  return cumulativeProduct(alphas.map((alpha) => 1 - round(1 - alpha)));
}

/**
 * abar_t for t = 0 .. T-1. `terminal` replaces the last entry when the config asks for zero terminal SNR
 * (samplers that divide by abar use 2^-24 there).
 */
export function cumulativeAlphas(
  config: SchedulerConfig,
  terminal?: number,
  defaults: AlphaDefaults = DIFFUSERS_DEFAULTS,
): Float32Array {
  const alphaBars = cumulativeProduct(betas(config, defaults).map((beta) => 1 - beta));
  if (!booleanField(config, 'rescale_betas_zero_snr', false, SCHEDULER_FILE)) return alphaBars;
  const rescaled = throughBetas(withZeroTerminalSnr(alphaBars));
  if (terminal !== undefined) rescaled[rescaled.length - 1] = terminal;
  return rescaled;
}

/** CogVideoX: the SNR shifted as in SD3, then the zero terminal SNR (in that order); in float64 where its betas are. */
export function shiftedCumulativeAlphas(config: SchedulerConfig): Float32Array | Float64Array {
  const scale = numberField(config, 'snr_shift_scale', 3, SCHEDULER_FILE);
  const alphaBars = cumulativeProduct(cogVideoXBetas(config).map((beta) => 1 - beta));
  const to = alphaBars instanceof Float32Array ? round : (value: number) => value;
  const shifted = alphaBars.map((alphaBar) => alphaBar / to(scale + to((1 - scale) * alphaBar)));
  return booleanField(config, 'rescale_betas_zero_snr', false, SCHEDULER_FILE) ? withZeroTerminalSnr(shifted) : shifted;
}

function cogVideoXBetas(config: SchedulerConfig): Float32Array | Float64Array {
  const defaults: AlphaDefaults = { betaStart: 0.00085, betaEnd: 0.012, betaSchedule: 'scaled_linear' };
  const scaled = (config['beta_schedule'] ?? 'scaled_linear') === 'scaled_linear';
  if (!scaled || config['trained_betas']) return betas(config, defaults);
  const root = (field: string, fallback: number) => Math.sqrt(numberField(config, field, fallback, SCHEDULER_FILE));
  const roots = linspace(
    root('beta_start', defaults.betaStart),
    root('beta_end', defaults.betaEnd),
    trainedSteps(config),
  );
  return Float64Array.from(roots, (value) => value * value);
}

/** abar of a timestep; throws `library/unsupported-scheduler` where offsets lead out of the schedule. */
export function alphaAt(config: SchedulerConfig, alphaBars: Float32Array | Float64Array, timestep: number): number {
  const alphaBar = alphaBars[timestep];
  if (alphaBar !== undefined) return alphaBar;
  throw unsupported(config, 'this number of steps', `it leads to timestep ${timestep} of ${alphaBars.length}`);
}
