/**
 * DPM-Solver++ of order 1 and 2, multistep, also as SDE (Lu et al. 2022, arXiv 2211.01095, algorithm 2), as
 * `DPMSolverMultistepScheduler` of diffusers steps it. Refused: order 3, the noise-predicting 'dpmsolver', Lu's
 * lambdas, beta sigmas, thresholding.
 */

import { booleanField, numberField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { cumulativeAlphas, trainedSteps } from './alphas';
import { denoisedCoefficients } from './ddim';
import type { Scheduler, SchedulerStep } from './Scheduler';
import { choiceField, refuseSwitches, SCHEDULER_FILE, unsupported } from './schedulerFields';
import { exponentialSigmas, interpolate, karrasSigmas, sigmasOf, sigmaToTimestep } from './sigmas';
import { checkStepCount, linspace, roundHalfEven, SPACINGS, trailing } from './spacing';

const PREDICTIONS = ['epsilon', 'sample', 'v_prediction', 'flow_prediction'] as const;
type DpmPrediction = (typeof PREDICTIONS)[number];

interface Solver {
  readonly order: number;
  readonly stochastic: boolean;
  readonly heun: boolean;
  readonly flow: boolean;
  readonly prediction: DpmPrediction;
}

export function dpmSolverScheduler(config: SchedulerConfig, steps: number): Scheduler {
  refuseSwitches(config, {
    thresholding: 'dynamic thresholding looks at the whole sample, not at single values',
    use_beta_sigmas: 'the quantiles of the beta distribution are not computed here',
    use_lu_lambdas: 'the uniform-lambda grid is not built here',
    use_dynamic_shifting: 'the shift depends on the number of tokens, which the config does not hold',
  });
  checkStepCount(steps, trainedSteps(config));
  const solver = readSolver(config);
  const alphaBars = cumulativeAlphas(config, 2 ** -24);
  const { timesteps, sigmas } = noiseLevels(config, steps, alphaBars, solver.flow);
  const firstOrderFrom = orderOneFrom(config, timesteps.length);
  return {
    name: config._class_name,
    initialNoiseScale: 1,
    steps: timesteps.map((timestep, i) => {
      const second = solver.order === 2 && i > 0 && i < firstOrderFrom;
      return dpmStep(solver, timestep, sigmas[i]!, sigmas[i + 1]!, second ? sigmas[i - 1]! : undefined);
    }),
  };
}

function readSolver(config: SchedulerConfig): Solver {
  const order = numberField(config, 'solver_order', 2, SCHEDULER_FILE);
  if (order !== 1 && order !== 2) throw unsupported(config, `solver_order ${order}`, 'orders 1 and 2 are known');
  if (typeof config['variance_type'] === 'string')
    throw unsupported(config, `variance_type "${config['variance_type']}"`, 'the output would hold a variance too');
  const flow = booleanField(config, 'use_flow_sigmas', false, SCHEDULER_FILE);
  const prediction = choiceField(config, 'prediction_type', PREDICTIONS, 'epsilon');
  return {
    order,
    stochastic:
      choiceField(config, 'algorithm_type', ['dpmsolver++', 'sde-dpmsolver++'], 'dpmsolver++') === 'sde-dpmsolver++',
    heun: choiceField(config, 'solver_type', ['midpoint', 'heun', 'logrho', 'bh1', 'bh2'], 'midpoint') === 'heun',
    flow,
    prediction,
  };
}

/** The last step is of order 1 when it ends at sigma 0 or the config asks for it. */
function orderOneFrom(config: SchedulerConfig, steps: number): number {
  const final =
    booleanField(config, 'euler_at_final', false, SCHEDULER_FILE) ||
    (booleanField(config, 'lower_order_final', true, SCHEDULER_FILE) && steps < 15) ||
    choiceField(config, 'final_sigmas_type', ['zero', 'sigma_min'], 'zero') === 'zero';
  return final ? steps - 1 : steps;
}

function noiseLevels(
  config: SchedulerConfig,
  steps: number,
  alphaBars: Float32Array,
  flow: boolean,
): { timesteps: number[]; sigmas: number[] } {
  const table = sigmasOf(alphaBars);
  const largest = table[table.length - 1]!;
  const karras = booleanField(config, 'use_karras_sigmas', false, SCHEDULER_FILE);
  let timesteps: number[];
  let sigmas: number[];
  if (karras || booleanField(config, 'use_exponential_sigmas', false, SCHEDULER_FILE)) {
    sigmas = (karras ? karrasSigmas : exponentialSigmas)(table[0]!, largest, steps);
    const logSigmas = table.map(Math.log);
    const rounds = karras && config['beta_schedule'] !== 'squaredcos_cap_v2';
    timesteps = sigmas
      .map((sigma) => sigmaToTimestep(sigma, logSigmas))
      .map((timestep) => (rounds ? roundHalfEven(timestep) : timestep));
  } else if (flow) {
    const shift = numberField(config, 'flow_shift', 1, SCHEDULER_FILE);
    const trained = trainedSteps(config);
    const grid = linspace(1, 1 / trained, steps + 1).map((alpha) => 1 - alpha);
    sigmas = grid
      .map((sigma) => (shift * sigma) / (1 + (shift - 1) * sigma))
      .reverse()
      .slice(0, -1);
    timesteps = sigmas.map((sigma) => sigma * trained);
  } else {
    timesteps = spacedTimesteps(config, steps, alphaBars);
    sigmas = timesteps.map((timestep) => interpolate(table, timestep));
  }
  const endsAtZero = choiceField(config, 'final_sigmas_type', ['zero', 'sigma_min'], 'zero') === 'zero';
  return { timesteps: timesteps.map(Math.trunc), sigmas: [...sigmas, endsAtZero ? 0 : table[0]!].map(Math.fround) };
}

function spacedTimesteps(config: SchedulerConfig, steps: number, alphaBars: Float32Array): number[] {
  const trained = trainedSteps(config);
  const last = trained - clippedTimesteps(config, alphaBars);
  switch (choiceField(config, 'timestep_spacing', SPACINGS, 'linspace')) {
    case 'linspace':
      return linspace(0, last - 1, steps + 1)
        .map(roundHalfEven)
        .reverse()
        .slice(0, -1);
    case 'leading': {
      const ratio = Math.floor(last / (steps + 1));
      const offset = numberField(config, 'steps_offset', 0, SCHEDULER_FILE);
      return Array.from({ length: steps }, (_, i) => (steps - i) * ratio + offset);
    }
    case 'trailing':
      return trailing(last, trained, steps);
  }
}

/** How many of the noisiest timesteps have lambda = ln(alpha / sigma) below `lambda_min_clipped`. */
function clippedTimesteps(config: SchedulerConfig, alphaBars: Float32Array): number {
  const clip = config['lambda_min_clipped'];
  if (typeof clip !== 'number') return 0;
  return alphaBars.filter((alphaBar) => 0.5 * Math.log(alphaBar / (1 - alphaBar)) < clip).length;
}

function signalAndNoise(sigma: number, flow: boolean): { signal: number; noise: number } {
  if (flow) return { signal: 1 - sigma, noise: sigma };
  const signal = 1 / Math.sqrt(sigma * sigma + 1);
  return { signal, noise: sigma * signal };
}

/** `earlierSigma`: the sigma of the step before, present where this step is of order 2. */
function dpmStep(
  solver: Solver,
  timestep: number,
  sigma: number,
  nextSigma: number,
  earlierSigma: number | undefined,
): SchedulerStep {
  const from = signalAndNoise(sigma, solver.flow);
  const to = signalAndNoise(nextSigma, solver.flow);
  const lambda = (level: { signal: number; noise: number }) => Math.log(level.signal) - Math.log(level.noise);
  const h = lambda(to) - lambda(from);
  const decay = solver.stochastic ? Math.exp(-2 * h) : Math.exp(-h);
  const first = to.signal * (1 - decay);
  let slope = 0;
  if (earlierSigma !== undefined) {
    const ratio = (lambda(from) - lambda(signalAndNoise(earlierSigma, solver.flow))) / h;
    const heun = to.signal * ((1 - decay) / (solver.stochastic ? -2 * h : -h) + 1);
    slope = (solver.heun ? heun : 0.5 * first) / ratio;
  }
  const prediction =
    solver.prediction === 'flow_prediction'
      ? { denoisedFromLatent: 1, denoisedFromOutput: -sigma }
      : denoisedCoefficients(solver.prediction, from.signal, from.noise);
  return {
    timestep,
    inputScale: 1,
    ...prediction,
    keep: (to.noise / from.noise) * (solver.stochastic ? Math.exp(-h) : 1),
    add: first + slope,
    addPrevious: slope === 0 ? 0 : -slope,
    noise: solver.stochastic ? to.noise * Math.sqrt(1 - decay) : 0,
  };
}
