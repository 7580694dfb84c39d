/**
 * DEIS of order 1 to 3 with polynomials over ln rho (Zhang and Chen 2022, arXiv 2204.13902), as
 * `DEISMultistepScheduler` of diffusers steps it.
 */
import { present } from '../../errors/present';
import { booleanField, numberField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { cumulativeAlphas, trainedSteps } from './alphas';
import type { Combination } from './combination';
import { mixOf, noiseEstimate, withCarried } from './combination';
import type { Level } from './dpmSolver';
import { lambdaOf, levelOf, MULTISTEP_PREDICTIONS, multistepDenoised } from './dpmSolver';
import { thresholdOf } from './limit';
import { DEIS_RULES, multistepGrid } from './multistepGrid';
import type { Scheduler, SchedulerStep } from './Scheduler';
import { choiceField, SCHEDULER_FILE, unsupported } from './schedulerFields';
import { checkStepCount } from './spacing';

export function deisScheduler(config: SchedulerConfig, steps: number): Scheduler {
  checkStepCount(steps, trainedSteps(config));
  choiceField(config, 'algorithm_type', ['deis', 'dpmsolver', 'dpmsolver++'], 'deis');
  choiceField(config, 'solver_type', ['logrho', 'midpoint', 'heun', 'bh1', 'bh2'], 'logrho');
  const order = numberField(config, 'solver_order', 2, SCHEDULER_FILE);
  if (![1, 2, 3].includes(order)) throw unsupported(config, `solver_order ${order}`, 'orders 1 to 3 are known');
  const prediction = choiceField(config, 'prediction_type', MULTISTEP_PREDICTIONS, 'epsilon');
  const alphaBars = cumulativeAlphas({ ...config, rescale_betas_zero_snr: false });
  const { timesteps, sigmas, flow } = multistepGrid(config, steps, alphaBars, DEIS_RULES);
  const levels = sigmas.map((sigma) => levelOf(sigma, flow));
  const lowers = booleanField(config, 'lower_order_final', true, SCHEDULER_FILE) && timesteps.length < 15;
  const limit = thresholdOf(config);
  const list = timesteps.map((timestep, i): SchedulerStep => {
    const { signal, noise } = present(levels[i]);
    const left = lowers ? timesteps.length - i : order;
    const estimate = noiseEstimate(signal, noise);
    return {
      timestep,
      inputScale: 1,
      ...multistepDenoised(prediction, present(levels[i])),
      ...mixOf(deisCombination(Math.min(order, i + 1, left), levels, i), estimate),
      noise: 0,
      estimate,
      ...(limit ? { limit } : {}),
    };
  });
  return { name: config._class_name, initialNoiseScale: 1, steps: withCarried(list) };
}

/** signal' (x / signal + sum of c_j eps_j), c_j the integral of the Lagrange polynomial over ln rho from rho to rho'. */
function deisCombination(order: number, levels: readonly Level[], i: number): Combination {
  const [from, to] = [present(levels[i]), present(levels[i + 1])];
  const keep = to.signal / from.signal;
  if (order === 1) return { latent: keep, estimates: [-to.noise * Math.expm1(lambdaOf(to) - lambdaOf(from))] };
  const rho = (level: Level) => level.noise / level.signal;
  const nodes = Array.from({ length: order }, (_, j) => Math.log(rho(present(levels[i - j]))));
  const estimates = nodes.map((node, j) => {
    const others = nodes.filter((_, k) => k !== j);
    return to.signal * (antiderivative(rho(to), node, others) - antiderivative(rho(from), node, others));
  });
  return { latent: keep, estimates };
}

/** Of the product of (ln t - other) / (node - other), over t; one or two others. */
function antiderivative(t: number, node: number, others: readonly number[]): number {
  const log = Math.log(t);
  const [c, d] = others as [number, number | undefined];
  if (d === undefined) return (t * (log - c - 1)) / (node - c);
  return (t * (c * (d - log + 1) - d * log + d + log ** 2 - 2 * log + 2)) / ((node - c) * (node - d));
}
