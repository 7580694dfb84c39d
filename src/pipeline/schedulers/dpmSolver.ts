/**
 * DPM-Solver and DPM-Solver++ of order 1 to 3, multistep, also as SDE (Lu et al. 2022, arXiv 2211.01095), as
 * `DPMSolverMultistepScheduler` of diffusers steps them. Refused: learned variances, and the SDE of DPM-Solver at order 3.
 */
import { present } from '../../errors/present';
import { booleanField, numberField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { cumulativeAlphas, trainedSteps } from './alphas';
import type { Combination } from './combination';
import { mixOf, noiseEstimate, withCarried } from './combination';
import { denoisedCoefficients } from './ddim';
import { thresholdOf } from './limit';
import { DPM_SOLVER_RULES, endsAtZero, multistepGrid } from './multistepGrid';
import type { Scheduler, SchedulerStep } from './Scheduler';
import { choiceField, SCHEDULER_FILE, unsupported } from './schedulerFields';
import { checkStepCount } from './spacing';

export const MULTISTEP_PREDICTIONS = ['epsilon', 'sample', 'v_prediction', 'flow_prediction'] as const;
export type MultistepPrediction = (typeof MULTISTEP_PREDICTIONS)[number];

/** x = signal * data + noise * eps. */
export interface Level {
  readonly signal: number;
  readonly noise: number;
}

export interface DpmSolver {
  readonly order: number;
  /** Integrates the denoised latent ('++'), or the noise. */
  readonly predictsData: boolean;
  readonly stochastic: boolean;
  readonly heun: boolean;
}

export function dpmSolverScheduler(config: SchedulerConfig, steps: number): Scheduler {
  checkStepCount(steps, trainedSteps(config));
  const solver = readDpmSolver(config, ['dpmsolver++', 'sde-dpmsolver++', 'dpmsolver', 'sde-dpmsolver']);
  if (typeof config['variance_type'] === 'string')
    throw unsupported(config, `variance_type "${config['variance_type']}"`, 'the output would hold a variance too');
  const prediction = choiceField(config, 'prediction_type', MULTISTEP_PREDICTIONS, 'epsilon');
  const { timesteps, sigmas, flow } = multistepGrid(
    config,
    steps,
    cumulativeAlphas(config, 2 ** -24),
    DPM_SOLVER_RULES,
  );
  const levels = sigmas.map((sigma) => levelOf(sigma, flow));
  const orders = solverOrders(config, solver.order, timesteps.length);
  if (orders.includes(3) && solver.stochastic && !solver.predictsData)
    throw unsupported(config, 'algorithm_type "sde-dpmsolver" and solver_order 3', 'diffusers has no such step');
  const limit = thresholdOf(config);
  const list = timesteps.map((timestep, i): SchedulerStep => {
    const from = present(levels[i]);
    const estimate = solver.predictsData ? undefined : noiseEstimate(from.signal, from.noise);
    return {
      timestep,
      inputScale: 1,
      ...multistepDenoised(prediction, from),
      ...mixOf(dpmCombination(solver, present(orders[i]), levels, i), estimate),
      noise: solver.stochastic ? stochasticPart(solver, from, present(levels[i + 1])) : 0,
      ...(estimate ? { estimate } : {}),
      ...(limit ? { limit } : {}),
    };
  });
  return { name: config._class_name, initialNoiseScale: 1, steps: withCarried(list) };
}

export function readDpmSolver(config: SchedulerConfig, algorithms: readonly string[]): DpmSolver {
  const order = numberField(config, 'solver_order', 2, SCHEDULER_FILE);
  if (![1, 2, 3].includes(order)) throw unsupported(config, `solver_order ${order}`, 'orders 1 to 3 are known');
  // 'deis' is what a config of DEIS says, and diffusers reads it as the default
  const named = config['algorithm_type'] === 'deis' ? { ...config, algorithm_type: 'dpmsolver++' } : config;
  const algorithm = choiceField(named, 'algorithm_type', algorithms, 'dpmsolver++');
  const predictsData = algorithm.endsWith('++');
  if (!predictsData && endsAtZero(config))
    throw unsupported(
      config,
      `algorithm_type "${algorithm}"`,
      'it cannot end at zero noise; final_sigmas_type has to be "sigma_min"',
    );
  return {
    order,
    predictsData,
    stochastic: algorithm.startsWith('sde'),
    heun: choiceField(config, 'solver_type', ['midpoint', 'heun', 'logrho', 'bh1', 'bh2'], 'midpoint') === 'heun',
  };
}

/** As many earlier estimates as there are; lower at the end of short runs and where the run ends at sigma 0. */
export function solverOrders(config: SchedulerConfig, order: number, steps: number): number[] {
  const lowers = booleanField(config, 'lower_order_final', true, SCHEDULER_FILE) && steps < 15;
  const firstAtEnd = lowers || booleanField(config, 'euler_at_final', false, SCHEDULER_FILE) || endsAtZero(config);
  return Array.from({ length: steps }, (_, i) => {
    const known = Math.min(order, i + 1);
    if (i === steps - 1 && firstAtEnd) return 1;
    return i === steps - 2 && lowers ? Math.min(known, 2) : known;
  });
}

export function levelOf(sigma: number, flow: boolean): Level {
  if (flow) return { signal: 1 - sigma, noise: sigma };
  const signal = 1 / Math.sqrt(sigma * sigma + 1);
  return { signal, noise: sigma * signal };
}

export function multistepDenoised(
  prediction: MultistepPrediction,
  { signal, noise }: Level,
): Pick<SchedulerStep, 'denoisedFromLatent' | 'denoisedFromOutput'> {
  if (prediction === 'flow_prediction') return { denoisedFromLatent: 1, denoisedFromOutput: -noise };
  return denoisedCoefficients(prediction, signal, noise);
}

/** ln(signal / noise). */
export function lambdaOf({ signal, noise }: Level): number {
  return Math.log(signal) - Math.log(noise);
}

/**
 * One step from levels[i] to levels[i + 1], without the noise of an SDE: keep x + first D0 + slope D1 + curve D2, where
 * the D are divided differences over lambda of the last `order` estimates.
 */
export function dpmCombination(solver: DpmSolver, order: number, levels: readonly Level[], i: number): Combination {
  const [from, to] = [present(levels[i]), present(levels[i + 1])];
  const h = lambdaOf(to) - lambdaOf(from);
  const { keep, first, slope, curve } = integrals(solver, from, to, h);
  if (order === 1 || h === 0) return { latent: keep, estimates: [first] };
  const ratio = (back: number) => (lambdaOf(present(levels[i - back + 1])) - lambdaOf(present(levels[i - back]))) / h;
  const r0 = ratio(1);
  if (order === 2) {
    const second = (solver.heun ? slope : 0.5 * first) / r0;
    return { latent: keep, estimates: [first + second, -second] };
  }
  const r1 = ratio(2);
  const newer = (slope * (1 + r0 / (r0 + r1)) + curve / (r0 + r1)) / r0;
  const older = -(slope * r0 + curve) / (r0 + r1) / r1;
  return { latent: keep, estimates: [first + newer, older - newer, -older] };
}

/** The integrals of the paper's Taylor terms. The sign of the SDE's last half is diffusers' own. */
function integrals(
  solver: DpmSolver,
  from: Level,
  to: Level,
  h: number,
): { keep: number; first: number; slope: number; curve: number } {
  if (solver.predictsData) {
    const x = solver.stochastic ? 2 * h : h;
    return {
      keep: (to.noise / from.noise) * (solver.stochastic ? Math.exp(-h) : 1),
      first: -to.signal * Math.expm1(-x),
      slope: to.signal * (Math.expm1(-x) / x + 1),
      curve: -to.signal * ((Math.expm1(-x) + x) / x ** 2 + (solver.stochastic ? 0.5 : -0.5)),
    };
  }
  const twice = solver.stochastic ? 2 : 1;
  return {
    keep: to.signal / from.signal,
    first: -twice * to.noise * Math.expm1(h),
    slope: -twice * to.noise * (Math.expm1(h) / h - 1),
    curve: -to.noise * ((Math.expm1(h) - h) / h ** 2 - 0.5),
  };
}

export function stochasticPart(solver: DpmSolver, from: Level, to: Level): number {
  const h = lambdaOf(to) - lambdaOf(from);
  return to.noise * Math.sqrt(Math.max(0, solver.predictsData ? -Math.expm1(-2 * h) : Math.expm1(2 * h)));
}
