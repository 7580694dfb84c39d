/**
 * Euler's method on the straight path of flow matching (x = (1 - s) data + s noise, output = noise - data), as
 * `FlowMatchEulerDiscreteScheduler` of diffusers steps it. Dynamic shifting needs the number of tokens: resolve
 * it first with `withDynamicShift`. Beta sigmas are refused.
 */

import { booleanField, numberField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { trainedSteps } from './alphas';
import { givenGrid } from './givenGrid';
import type { Scheduler, SchedulerStep } from './Scheduler';
import { choiceField, refuseSwitches, SCHEDULER_FILE, unsupported } from './schedulerFields';
import { exponentialSigmas, karrasSigmas } from './sigmas';
import { checkStepCount, linspace } from './spacing';

export function flowMatchEulerScheduler(config: SchedulerConfig, steps: number): Scheduler {
  refuseSwitches(config, { use_beta_sigmas: 'the quantiles of the beta distribution are not computed here' });
  const trained = trainedSteps(config);
  checkStepCount(steps, trained);
  const inverted = booleanField(config, 'invert_sigmas', false, SCHEDULER_FILE);
  const levels = noiseLevels(config, steps, trained).map((sigma) =>
    Math.fround(inverted ? 1 - Math.fround(sigma) : sigma),
  );
  const end = inverted ? 1 : 0;
  const sigmas = [...levels, end];
  const given = inverted ? undefined : givenGrid(config, steps)?.timesteps;
  const stochastic = booleanField(config, 'stochastic_sampling', false, SCHEDULER_FILE);
  return {
    name: config._class_name,
    initialNoiseScale: 1,
    steps: levels.map((sigma, i) => {
      const timestep = Math.fround(given?.[i] ?? sigma * trained);
      return flowStep(timestep, sigma, sigmas[i + 1]!, end, stochastic);
    }),
  };
}

/**
 * A static shift is applied twice, to the ends and to the grid, a dynamic one to the grid only: so does diffusers. A
 * given grid is shifted once.
 */
function noiseLevels(config: SchedulerConfig, steps: number, trained: number): number[] {
  const shift = shiftOf(config);
  const shifted = (sigma: number) => (shift * sigma) / (1 + (shift - 1) * sigma);
  const lowest = Math.fround(1 / trained);
  const smallest = isDynamic(config) ? lowest : Math.fround(shifted(lowest));
  const grid = givenGrid(config, steps);
  const unshifted =
    grid?.sigmas?.map(Math.fround) ??
    (grid?.timesteps ?? linspace(trained, smallest * trained, steps)).map((timestep) => timestep / trained);
  let sigmas = unshifted.map(shifted);
  const terminal = numberField(config, 'shift_terminal', 0, SCHEDULER_FILE);
  if (terminal) {
    const scale = (1 - sigmas[steps - 1]!) / (1 - terminal);
    sigmas = sigmas.map((sigma) => 1 - (1 - sigma) / scale);
  }
  if (booleanField(config, 'use_karras_sigmas', false, SCHEDULER_FILE))
    return karrasSigmas(sigmas[steps - 1]!, sigmas[0]!, steps);
  if (booleanField(config, 'use_exponential_sigmas', false, SCHEDULER_FILE))
    return exponentialSigmas(sigmas[steps - 1]!, sigmas[0]!, steps);
  return sigmas;
}

/**
 * x' = x + (s' - s) v, rewritten over the sample at the path's end (s = 0, or 1 where sigmas are inverted, as in
 * Mochi): x_end = x + (end - s) v. Stochastic: x' = (1 - s') x_end + s' eps.
 */
function flowStep(timestep: number, sigma: number, nextSigma: number, end: number, stochastic: boolean): SchedulerStep {
  const part = (nextSigma - sigma) / (end - sigma);
  return {
    timestep,
    inputScale: 1,
    denoisedFromLatent: 1,
    denoisedFromOutput: end - sigma,
    keep: stochastic ? 0 : 1 - part,
    add: stochastic ? 1 - nextSigma : part,
    addPrevious: 0,
    noise: stochastic ? nextSigma : 0,
  };
}

function isDynamic(config: SchedulerConfig): boolean {
  return booleanField(config, 'use_dynamic_shifting', false, SCHEDULER_FILE);
}

function shiftOf(config: SchedulerConfig): number {
  if (!isDynamic(config)) return numberField(config, 'shift', 1, SCHEDULER_FILE);
  const resolved = numberField(config, 'dynamic_shift', undefined, SCHEDULER_FILE);
  if (resolved !== undefined) return resolved;
  throw unsupported(
    config,
    'use_dynamic_shifting',
    'the shift depends on the number of tokens, which the config does not hold',
  );
}

/**
 * Resolves dynamic shifting at `tokens` tokens into the studio's own field `dynamic_shift`: mu is linear in the
 * tokens (base_shift at base_image_seq_len, max_shift at max_image_seq_len); exponential shifting by mu is the
 * same as s -> k s / (1 + (k - 1) s) with k = e^mu, linear shifting as k = mu. Other configs come back as they are.
 */
export function withDynamicShift(config: SchedulerConfig, tokens: number): SchedulerConfig {
  if (!isDynamic(config)) return config;
  const baseTokens = numberField(config, 'base_image_seq_len', 256, SCHEDULER_FILE);
  const maxTokens = numberField(config, 'max_image_seq_len', 4096, SCHEDULER_FILE);
  const baseShift = numberField(config, 'base_shift', 0.5, SCHEDULER_FILE);
  const maxShift = numberField(config, 'max_shift', 1.15, SCHEDULER_FILE);
  const mu = baseShift + ((maxShift - baseShift) / (maxTokens - baseTokens)) * (tokens - baseTokens);
  const exponential =
    choiceField(config, 'time_shift_type', ['exponential', 'linear'], 'exponential') === 'exponential';
  return { ...config, dynamic_shift: exponential ? Math.exp(mu) : mu };
}
