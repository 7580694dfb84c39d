/** From scheduler_config.json to a scheduler: the table of the classes that the studio steps itself. */
import { StudioError } from '../../errors/StudioError';
import type { SchedulerConfig } from '../PipelineDescription';
import { cogVideoXDdimScheduler, ddimScheduler } from './ddim';
import { dpmSolverScheduler } from './dpmSolver';
import { eulerAncestralScheduler, eulerScheduler } from './euler';
import { flowMatchEulerScheduler } from './flowMatchEuler';
import { checkGrid } from './givenGrid';
import { lcmScheduler } from './lcm';
import type { Scheduler } from './Scheduler';

const SCHEDULERS: Readonly<Record<string, (config: SchedulerConfig, steps: number) => Scheduler>> = {
  DDIMScheduler: ddimScheduler,
  CogVideoXDDIMScheduler: cogVideoXDdimScheduler,
  EulerDiscreteScheduler: eulerScheduler,
  EulerAncestralDiscreteScheduler: eulerAncestralScheduler,
  FlowMatchEulerDiscreteScheduler: flowMatchEulerScheduler,
  DPMSolverMultistepScheduler: dpmSolverScheduler,
  LCMScheduler: lcmScheduler,
};

export const SUPPORTED_SCHEDULERS: readonly string[] = Object.keys(SCHEDULERS);

/**
 * The coefficients of a run of `steps` denoiser calls. Errors: `library/unsupported-scheduler` for a class or a
 * setting that is not known, or more steps than were trained; `library/invalid-config` for a malformed field.
 */
export function createScheduler(config: SchedulerConfig, steps: number): Scheduler {
  const create = Object.hasOwn(SCHEDULERS, config._class_name) ? SCHEDULERS[config._class_name] : undefined;
  if (create) {
    checkGrid(config);
    return create(config, steps);
  }
  throw new StudioError(
    'library/unsupported-scheduler',
    `The scheduler ${config._class_name} is not supported; known are ${SUPPORTED_SCHEDULERS.join(', ')}.`,
    {
      scheduler: config._class_name,
      setting: '_class_name',
    },
  );
}
