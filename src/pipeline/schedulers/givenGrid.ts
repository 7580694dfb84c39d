/**
 * Noise levels or timesteps that are handed to a scheduler in place of its own grid, as diffusers'
 * `set_timesteps(sigmas=…, timesteps=…)` takes them: listed by the pipeline folder for one number of steps, or by
 * the rule of a pipeline class for any. What a scheduler makes of them (its shift) is not done here.
 */
import { StudioError } from '../../errors/StudioError';
import type { SchedulerConfig } from '../PipelineDescription';
import { linspace } from './spacing';

/** One entry a step, highest noise first; where the run ends is not in it. */
export interface GivenGrid {
  readonly sigmas?: readonly number[];
  readonly timesteps?: readonly number[];
}

/** How a pipeline class spaces its sigmas: 1 down to 1/n, 1 down to one step above 0, or Mochi's two pieces. */
export type GridRule = 'linspace-to-step' | 'linspace-above-zero' | 'linear-quadratic';

/** The studio's own field `given_grid` of a scheduler config. */
export interface GridSource extends GivenGrid {
  readonly rule?: GridRule;
}

export function withGrid(config: SchedulerConfig, grid: GridSource | undefined): SchedulerConfig {
  return grid ? { ...config, given_grid: grid } : config;
}

/** A listed grid holds for its own number of steps, a rule for any; undefined: the scheduler's own grid. */
export function givenGrid(config: SchedulerConfig, steps: number): GivenGrid | undefined {
  const source = config['given_grid'] as GridSource | undefined;
  if (!source) return undefined;
  const listed = source.sigmas ?? source.timesteps;
  if (listed?.length === steps) return source;
  return source.rule ? { sigmas: SIGMAS[source.rule](steps) } : undefined;
}

/** What diffusers' classes take from outside; a class that is not here takes nothing. */
const TAKES: Readonly<Record<string, readonly (keyof GivenGrid)[]>> = {
  FlowMatchEulerDiscreteScheduler: ['sigmas', 'timesteps'],
  EulerDiscreteScheduler: ['sigmas', 'timesteps'],
  UniPCMultistepScheduler: ['sigmas'],
  DPMSolverMultistepScheduler: ['timesteps'],
  HeunDiscreteScheduler: ['timesteps'],
  LCMScheduler: ['timesteps'],
};

/** Whether the class takes sigmas of flow matching: a pipeline's rule means nothing to the others. */
export function takesFlowSigmas(config: SchedulerConfig): boolean {
  const uniPc = config._class_name === 'UniPCMultistepScheduler' && config['use_flow_sigmas'] === true;
  return uniPc || config._class_name === 'FlowMatchEulerDiscreteScheduler';
}

/** Throws `library/unsupported-scheduler` where the folder lists a grid of a kind that the class does not take. */
export function checkGrid(config: SchedulerConfig): void {
  const source = config['given_grid'] as GridSource | undefined;
  const kinds = (['sigmas', 'timesteps'] as const).filter((kind) => source?.[kind] !== undefined);
  const refused = kinds.find((kind) => !TAKES[config._class_name]?.includes(kind));
  if (refused === undefined) return;
  throw new StudioError('library/unsupported-scheduler', `${config._class_name} takes no ${refused} from the folder.`, {
    scheduler: config._class_name,
    setting: refused,
  });
}

const SIGMAS: Readonly<Record<GridRule, (steps: number) => number[]>> = {
  'linspace-to-step': (steps) => linspace(1, 1 / steps, steps),
  'linspace-above-zero': (steps) => linspace(1, 0, steps + 1).slice(0, -1),
  'linear-quadratic': linearQuadratic,
};

/** Mochi: n/2 small equal steps to 1 - 0.025, then quadratically to 0. */
function linearQuadratic(steps: number): number[] {
  const threshold = 0.025;
  const linear = Math.floor(steps / 2);
  if (linear === 0) return [1];
  const rest = steps - linear;
  const difference = linear - threshold * steps;
  const square = difference / (linear * rest ** 2);
  const slope = threshold / linear - (2 * difference) / rest ** 2;
  const constant = square * linear ** 2;
  return Array.from(
    { length: steps },
    (_, i) => 1 - (i < linear ? (i * threshold) / linear : square * i ** 2 + slope * i + constant),
  );
}
