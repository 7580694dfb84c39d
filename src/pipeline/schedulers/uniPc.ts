/**
 * UniPC of order 1 to 3 (Zhao et al. 2023, arXiv 2302.04867), as `UniPCMultistepScheduler` of diffusers steps it (the
 * sampler of Wan). Each step first corrects the latent that the last one predicted, then predicts the next: the
 * corrected latent is the base of the steps. Refused: another solver in place of the predictor.
 */
import { present } from '../../errors/present';
import { booleanField, numberField, numbersField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { cumulativeAlphas, trainedSteps } from './alphas';
import type { Combination } from './combination';
import { mixOf, noiseEstimate, sumOf, withCarried } from './combination';
import type { Level } from './dpmSolver';
import { lambdaOf, levelOf, MULTISTEP_PREDICTIONS, multistepDenoised } from './dpmSolver';
import { thresholdOf } from './limit';
import { multistepGrid, UNIPC_RULES } from './multistepGrid';
import type { Scheduler, SchedulerStep } from './Scheduler';
import { choiceField, SCHEDULER_FILE, unsupported } from './schedulerFields';
import { checkStepCount } from './spacing';

interface UniPcSolver {
  readonly predictsData: boolean;
  /** B(h) of the paper: h, or e^h - 1. */
  readonly plainB: boolean;
}

export function uniPcScheduler(config: SchedulerConfig, steps: number): Scheduler {
  checkStepCount(steps, trainedSteps(config));
  if (config['solver_p']) throw unsupported(config, 'solver_p', "another solver would take the predictor's place");
  const order = numberField(config, 'solver_order', 2, SCHEDULER_FILE);
  if (![1, 2, 3].includes(order)) throw unsupported(config, `solver_order ${order}`, 'orders 1 to 3 are known');
  const solver: UniPcSolver = {
    predictsData: booleanField(config, 'predict_x0', true, SCHEDULER_FILE),
    plainB: choiceField(config, 'solver_type', ['bh1', 'bh2', 'midpoint', 'heun', 'logrho'], 'bh2') === 'bh1',
  };
  const prediction = choiceField(config, 'prediction_type', MULTISTEP_PREDICTIONS, 'epsilon');
  if (prediction === 'flow_prediction' && !solver.predictsData)
    throw unsupported(config, 'predict_x0 false and flow_prediction', 'diffusers has no such step');
  const { timesteps, sigmas, flow } = multistepGrid(config, steps, cumulativeAlphas(config, 2 ** -24), UNIPC_RULES);
  const levels = sigmas.map((sigma) => levelOf(sigma, flow));
  const lowers = booleanField(config, 'lower_order_final', true, SCHEDULER_FILE);
  const uncorrected = numbersField(config, 'disable_corrector', SCHEDULER_FILE) ?? [];
  const orders = timesteps.map((_, i) => Math.min(order, i + 1, lowers ? timesteps.length - i : order));
  const limit = solver.predictsData ? thresholdOf(config) : undefined;
  const list = timesteps.map((timestep, i): SchedulerStep => {
    const { signal, noise } = present(levels[i]);
    const corrects = i > 0 && !uncorrected.includes(i - 1);
    const corrected = corrects ? correction(solver, present(orders[i - 1]), levels, i) : { latent: 1, estimates: [] };
    const estimate = solver.predictsData ? undefined : noiseEstimate(signal, noise);
    return {
      timestep,
      inputScale: 1,
      ...multistepDenoised(prediction, present(levels[i])),
      ...mixOf(predicted(solver, present(orders[i]), levels, i, corrected), estimate),
      noise: 0,
      base: mixOf(corrected, estimate),
      ...(estimate ? { estimate } : {}),
      ...(limit ? { limit } : {}),
    };
  });
  return { name: config._class_name, initialNoiseScale: 1, steps: withCarried(list) };
}

/** The latent of the next step, from the corrected one of this: levels[i] to levels[i + 1]. */
function predicted(
  solver: UniPcSolver,
  order: number,
  levels: readonly Level[],
  i: number,
  corrected: Combination,
): Combination {
  const step = unifiedStep(solver, order, levels, i);
  const weights =
    order === 2
      ? [0.5]
      : solve(
          step.matrix.slice(0, -1).map((row) => row.slice(0, -1)),
          step.right.slice(0, -1),
        );
  const estimates = new Array<number>(order).fill(0);
  estimates[0] = step.first;
  weights.forEach((weight, k) => addDifference(estimates, step.rest * (weight / present(step.ratios[k])), k + 1, 0));
  return sumOf({ latent: 0, estimates }, corrected, step.keep);
}

/** This step's latent again, now that its own estimate is known: from the base at levels[i - 1]. */
function correction(solver: UniPcSolver, order: number, levels: readonly Level[], i: number): Combination {
  const step = unifiedStep(solver, order, levels, i - 1);
  const weights = order === 1 ? [0.5] : solve(step.matrix, step.right);
  const estimates = new Array<number>(order + 1).fill(0);
  estimates[1] = step.first;
  addDifference(estimates, step.rest * present(weights[order - 1]), 0, 1);
  for (let k = 0; k < order - 1; k++)
    addDifference(estimates, step.rest * (present(weights[k]) / present(step.ratios[k])), k + 2, 1);
  return { latent: 0, base: step.keep, estimates };
}

function addDifference(estimates: number[], weight: number, plus: number, minus: number): void {
  estimates[plus] = present(estimates[plus]) + weight;
  estimates[minus] = present(estimates[minus]) - weight;
}

interface UnifiedStep {
  /** x' = keep x + first m0 + rest * (weighted divided differences). */
  readonly keep: number;
  readonly first: number;
  readonly rest: number;
  /** Of the earlier estimates: (lambda_j - lambda) / h. */
  readonly ratios: readonly number[];
  /** What the weights solve: powers of the ratios and of 1, and the phi functions. */
  readonly matrix: readonly (readonly number[])[];
  readonly right: readonly number[];
}

/** From levels[i] to levels[i + 1]; algorithm 1 of the paper. */
function unifiedStep(
  { predictsData, plainB }: UniPcSolver,
  order: number,
  levels: readonly Level[],
  i: number,
): UnifiedStep {
  const [from, to] = [present(levels[i]), present(levels[i + 1])];
  const h = lambdaOf(to) - lambdaOf(from);
  const x = predictsData ? -h : h;
  const scale = predictsData ? to.signal : to.noise;
  const divisor = plainB ? x : Math.expm1(x);
  const ratios = Array.from(
    { length: order - 1 },
    (_, k) => (lambdaOf(present(levels[i - k - 1])) - lambdaOf(from)) / h,
  );
  const right: number[] = [];
  let phi = Math.expm1(x) / x - 1;
  let factorial = 1;
  for (let k = 1; k <= order; k++) {
    right.push((phi * factorial) / divisor);
    factorial *= k + 1;
    phi = phi / x - 1 / factorial;
  }
  return {
    keep: predictsData ? to.noise / from.noise : to.signal / from.signal,
    first: -scale * Math.expm1(x),
    rest: order === 1 && !Number.isFinite(divisor) ? 0 : -scale * divisor,
    ratios,
    matrix: right.map((_, power) => [...ratios, 1].map((ratio) => ratio ** power)),
    right,
  };
}

/** Gaussian elimination of a small regular system. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, present(right[i])]);
  for (let column = 0; column < rows.length; column++) {
    const pivot = rows.reduce(
      (best, row, i) =>
        i >= column && Math.abs(present(row[column])) > Math.abs(present(present(rows[best])[column])) ? i : best,
      column,
    );
    [rows[column], rows[pivot]] = [present(rows[pivot]), present(rows[column])];
    for (let i = 0; i < rows.length; i++) {
      if (i === column) continue;
      const factor = present(present(rows[i])[column]) / present(present(rows[column])[column]);
      rows[i] = present(rows[i]).map((value, j) => value - factor * present(present(rows[column])[j]));
    }
  }
  return rows.map((row, i) => present(row[rows.length]) / present(row[i]));
}
