/**
 * The samplers of EDM's preconditioning (Karras et al. 2022, arXiv 2206.00364, table 1): `EDMEulerScheduler` (Cosmos)
 * and `EDMDPMSolverMultistepScheduler` of diffusers. The noise is told as 0.25 ln sigma.
 */
import { present } from '../../errors/present';
import { numberField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { trainedSteps } from './alphas';
import { mixOf, withCarried } from './combination';
import type { Level } from './dpmSolver';
import { dpmCombination, readDpmSolver, solverOrders, stochasticPart } from './dpmSolver';
import { thresholdOf } from './limit';
import { endsAtZero } from './multistepGrid';
import type { Scheduler, SchedulerStep } from './Scheduler';
import { choiceField, SCHEDULER_FILE, unsupported } from './schedulerFields';
import { checkStepCount, linspace } from './spacing';

type Preconditioned = Pick<SchedulerStep, 'timestep' | 'inputScale' | 'denoisedFromLatent' | 'denoisedFromOutput'>;

export function edmEulerScheduler(config: SchedulerConfig, steps: number): Scheduler {
  const { sigmas, calls, initialNoiseScale } = preconditioning(config, steps);
  const list = calls.map((call, i): SchedulerStep => {
    const ratio = present(sigmas[i + 1]) / present(sigmas[i]);
    return { ...call, keep: ratio, add: 1 - ratio, noise: 0 };
  });
  return { name: config._class_name, initialNoiseScale, steps: list };
}

export function edmDpmSolverScheduler(config: SchedulerConfig, steps: number): Scheduler {
  const solver = readDpmSolver(config, ['dpmsolver++', 'sde-dpmsolver++']);
  const { sigmas, calls, initialNoiseScale } = preconditioning(config, steps);
  const levels = sigmas.map((sigma): Level => ({ signal: 1, noise: sigma }));
  const orders = solverOrders(config, solver.order, steps);
  if (orders.includes(3) && solver.stochastic)
    throw unsupported(config, 'algorithm_type "sde-dpmsolver++" and solver_order 3', 'diffusers has no such step');
  const limit = thresholdOf(config);
  const list = calls.map((call, i): SchedulerStep => {
    const mix = mixOf(dpmCombination(solver, present(orders[i]), levels, i));
    const noise = solver.stochastic ? stochasticPart(solver, present(levels[i]), present(levels[i + 1])) : 0;
    return { ...call, ...mix, noise, ...(limit ? { limit } : {}) };
  });
  return { name: config._class_name, initialNoiseScale, steps: withCarried(list) };
}

/** One sigma more than calls. */
function preconditioning(
  config: SchedulerConfig,
  steps: number,
): { sigmas: number[]; calls: Preconditioned[]; initialNoiseScale: number } {
  checkStepCount(steps, trainedSteps(config));
  const field = (name: string, fallback: number) => numberField(config, name, fallback, SCHEDULER_FILE);
  const [smallest, largest, data] = [field('sigma_min', 0.002), field('sigma_max', 80), field('sigma_data', 0.5)];
  const sign = choiceField(config, 'prediction_type', ['epsilon', 'v_prediction'], 'epsilon') === 'epsilon' ? 1 : -1;
  const karras = choiceField(config, 'sigma_schedule', ['karras', 'exponential'], 'karras') === 'karras';
  const power = field('rho', 7);
  const [from, to] = [largest ** (1 / power), smallest ** (1 / power)];
  const ramp = linspace(0, 1, steps);
  const levels = karras
    ? ramp.map((at) => (from + at * (to - from)) ** power)
    : linspace(Math.log(smallest), Math.log(largest), steps).map(Math.exp).reverse();
  const sigmas = levels.map(Math.fround);
  const calls = sigmas.map((sigma): Preconditioned => {
    const spread = Math.sqrt(sigma ** 2 + data ** 2);
    return {
      timestep: Math.fround(0.25 * Math.fround(Math.log(sigma))),
      inputScale: 1 / spread,
      denoisedFromLatent: (data / spread) ** 2,
      denoisedFromOutput: (sign * sigma * data) / spread,
    };
  });
  const last = endsAtZero(config)
    ? 0
    : config._class_name === 'EDMEulerScheduler'
      ? present(sigmas.at(-1))
      : Math.fround(smallest);
  return { sigmas: [...sigmas, last], calls, initialNoiseScale: Math.sqrt(largest ** 2 + 1) };
}
