/**
 * The noise levels of diffusers' multistep solvers (DPM-Solver++, UniPC, DEIS), which differ in details only: how
 * timesteps are rounded, how flow sigmas are spaced, and where the last step ends.
 */
import { present } from '../../errors/present';
import { booleanField, numberField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { trainedSteps } from './alphas';
import { shiftOf, stretched } from './flowShift';
import { givenGrid } from './givenGrid';
import { choiceField, SCHEDULER_FILE } from './schedulerFields';
import { exponentialSigmas, interpolate, respacing, sigmasOf, sigmaToTimestep } from './sigmas';
import { linspace, roundHalfEven, SPACINGS, trailing } from './spacing';

export interface MultistepRules {
  /** Whether timesteps of Karras sigmas are rounded before they are cut to whole numbers. */
  readonly roundsKarras: (config: SchedulerConfig) => boolean;
  readonly takesLuLambdas: boolean;
  /** Whether Karras sigmas are made flow sigmas where the config asks for both. */
  readonly flowKarras: boolean;
  readonly flowSigmas: (config: SchedulerConfig, steps: number) => number[];
  /** The sigma where the run ends. `respaced`: the sigmas are not those of timesteps. */
  readonly last: (config: SchedulerConfig, smallest: number, sigmas: readonly number[], respaced: boolean) => number;
}

export interface NoiseLevels {
  readonly timesteps: readonly number[];
  /** One more than timesteps. */
  readonly sigmas: readonly number[];
  /** Whether a sigma is the noise of x = (1 - sigma) data + sigma noise; else noise / signal. */
  readonly flow: boolean;
}

export function multistepGrid(
  config: SchedulerConfig,
  steps: number,
  alphaBars: Float32Array,
  rules: MultistepRules,
): NoiseLevels {
  const table = sigmasOf(alphaBars);
  const flow = booleanField(config, 'use_flow_sigmas', false, SCHEDULER_FILE);
  const asked = (field: string) => booleanField(config, field, false, SCHEDULER_FILE);
  const karras = asked('use_karras_sigmas');
  const lu = rules.takesLuLambdas && !karras && asked('use_lu_lambdas');
  const respaced = lu ? luSigmas : respacing(config);
  let timesteps: readonly number[];
  let sigmas: readonly number[];
  if (respaced) {
    const smallest = numberField(config, 'sigma_min', present(table[0]), SCHEDULER_FILE);
    const largest = numberField(config, 'sigma_max', present(table[table.length - 1]), SCHEDULER_FILE);
    sigmas = respaced(smallest, largest, steps);
    const logSigmas = table.map(Math.log);
    const round = (karras || lu) && rules.roundsKarras(config) ? roundHalfEven : (timestep: number) => timestep;
    timesteps = sigmas.map((sigma) => round(sigmaToTimestep(sigma, logSigmas)));
    if (flow && karras && rules.flowKarras) {
      sigmas = sigmas.map((sigma) => sigma / (sigma + 1));
      timesteps = sigmas.map((sigma) => sigma * trainedSteps(config));
    }
  } else if (flow) {
    sigmas = rules.flowSigmas(config, steps);
    timesteps = sigmas.map((sigma) => sigma * trainedSteps(config));
  } else {
    timesteps = givenGrid(config, steps)?.timesteps ?? spacedTimesteps(config, steps, alphaBars);
    sigmas = timesteps.map((timestep) => interpolate(table, timestep));
  }
  const last = rules.last(config, present(table[0]), sigmas, respaced !== undefined || flow);
  return { timesteps: timesteps.map(Math.trunc), sigmas: [...sigmas, last].map(Math.fround), flow };
}

/** Lu et al. 2022: equal steps in lambda = -ln sigma. */
function luSigmas(smallest: number, largest: number, steps: number): number[] {
  return exponentialSigmas(Math.exp(Math.fround(Math.log(smallest))), Math.exp(Math.fround(Math.log(largest))), steps);
}

export function endsAtZero(config: SchedulerConfig): boolean {
  return choiceField(config, 'final_sigmas_type', ['zero', 'sigma_min'], 'zero') === 'zero';
}

export const DPM_SOLVER_RULES: MultistepRules = {
  roundsKarras: (config) => config['beta_schedule'] !== 'squaredcos_cap_v2',
  takesLuLambdas: true,
  flowKarras: false,
  flowSigmas: flowSigmasBelowOne,
  last: (config, smallest) => (endsAtZero(config) ? 0 : smallest),
};

/** DEIS never ends at zero: its last step is one to the smallest trained sigma, or none at all. */
export const DEIS_RULES: MultistepRules = {
  roundsKarras: () => true,
  takesLuLambdas: false,
  flowKarras: false,
  flowSigmas: flowSigmasBelowOne,
  last: (_, smallest, sigmas, respaced) => (respaced ? present(sigmas.at(-1)) : smallest),
};

export const UNIPC_RULES: MultistepRules = {
  roundsKarras: () => true,
  takesLuLambdas: false,
  flowKarras: true,
  flowSigmas: flowSigmasFromOne,
  last: (config, smallest, sigmas, respaced) => (endsAtZero(config) ? 0 : respaced ? present(sigmas.at(-1)) : smallest),
};

function flowSigmasBelowOne(config: SchedulerConfig, steps: number): number[] {
  const shift = shiftOf(config, 'flow_shift');
  const grid = linspace(1, 1 / trainedSteps(config), steps + 1).map((alpha) => 1 - alpha);
  return grid
    .map((sigma) => (shift * sigma) / (1 + (shift - 1) * sigma))
    .reverse()
    .slice(0, -1);
}

function flowSigmasFromOne(config: SchedulerConfig, steps: number): number[] {
  const shift = shiftOf(config, 'flow_shift');
  const grid = givenGrid(config, steps)?.sigmas ?? linspace(1, 1 / trainedSteps(config), steps + 1).slice(0, -1);
  const sigmas = stretched(
    config,
    grid.map((sigma) => (shift * sigma) / (1 + (shift - 1) * sigma)),
  );
  const first = present(sigmas[0]);
  if (Math.abs(first - 1) < 1e-6) sigmas[0] = first - 1e-6; // its logarithm of the signal is taken
  return sigmas;
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

/** How many of the noisiest timesteps have lambda = ln(alpha / sigma) below DPM-Solver++'s `lambda_min_clipped`. */
function clippedTimesteps(config: SchedulerConfig, alphaBars: Float32Array): number {
  const clip = config['lambda_min_clipped'];
  if (typeof clip !== 'number') return 0;
  return alphaBars.filter((alphaBar) => 0.5 * Math.log(alphaBar / (1 - alphaBar)) < clip).length;
}
