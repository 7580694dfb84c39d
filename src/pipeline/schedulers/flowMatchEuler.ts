/**
 * Euler's method on the straight path of flow matching (x = (1 - s) data + s noise, output = noise - data), as
 * `FlowMatchEulerDiscreteScheduler` of diffusers steps it. Dynamic shifting needs the number of tokens: resolve
 * it first with `withDynamicShift`.
 */

import { present } from '../../errors/present';
import { booleanField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { trainedSteps } from './alphas';
import { isDynamic, shiftOf, stretched } from './flowShift';
import { givenGrid } from './givenGrid';
import type { Scheduler, SchedulerStep } from './Scheduler';
import { SCHEDULER_FILE } from './schedulerFields';
import { respacing } from './sigmas';
import { checkStepCount, linspace } from './spacing';

export function flowMatchEulerScheduler(config: SchedulerConfig, steps: number): Scheduler {
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
      return flowStep(timestep, sigma, present(sigmas[i + 1]), end, stochastic);
    }),
  };
}

/**
 * A static shift is applied twice, to the ends and to the grid, a dynamic one to the grid only: so does diffusers. A
 * given grid is shifted once.
 */
function noiseLevels(config: SchedulerConfig, steps: number, trained: number): number[] {
  const shift = shiftOf(config, 'shift');
  const shifted = (sigma: number) => (shift * sigma) / (1 + (shift - 1) * sigma);
  const lowest = Math.fround(1 / trained);
  const smallest = isDynamic(config) ? lowest : Math.fround(shifted(lowest));
  const grid = givenGrid(config, steps);
  const unshifted =
    grid?.sigmas?.map(Math.fround) ??
    (grid?.timesteps ?? linspace(trained, smallest * trained, steps)).map((timestep) => timestep / trained);
  const sigmas = stretched(config, unshifted.map(shifted));
  const respaced = respacing(config);
  return respaced ? respaced(present(sigmas[steps - 1]), present(sigmas[0]), steps) : sigmas;
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
    noise: stochastic ? nextSigma : 0,
  };
}
