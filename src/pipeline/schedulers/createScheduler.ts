/** From scheduler_config.json to a scheduler: the table of the classes that the studio steps itself. */
import { StudioError } from '../../errors/StudioError';
import type { SchedulerConfig } from '../PipelineDescription';
import { cogVideoXDpmScheduler } from './cogVideoXDpm';
import { cogVideoXDdimScheduler, ddimScheduler } from './ddim';
import { deisScheduler } from './deis';
import { dpmSolverScheduler } from './dpmSolver';
import { edmDpmSolverScheduler, edmEulerScheduler } from './edm';
import { eulerAncestralScheduler, eulerScheduler } from './euler';
import { flowMatchEulerScheduler } from './flowMatchEuler';
import { checkGrid } from './givenGrid';
import { heunScheduler } from './heun';
import { lcmScheduler } from './lcm';
import { pndmScheduler } from './pndm';
import type { Scheduler } from './Scheduler';
import { unsupported } from './schedulerFields';
import { uniPcScheduler } from './uniPc';

const SCHEDULERS: Readonly<Record<string, (config: SchedulerConfig, steps: number) => Scheduler>> = {
  DDIMScheduler: ddimScheduler,
  CogVideoXDDIMScheduler: cogVideoXDdimScheduler,
  EulerDiscreteScheduler: eulerScheduler,
  EulerAncestralDiscreteScheduler: eulerAncestralScheduler,
  FlowMatchEulerDiscreteScheduler: flowMatchEulerScheduler,
  DPMSolverMultistepScheduler: dpmSolverScheduler,
  UniPCMultistepScheduler: uniPcScheduler,
  DEISMultistepScheduler: deisScheduler,
  HeunDiscreteScheduler: heunScheduler,
  PNDMScheduler: pndmScheduler,
  CogVideoXDPMScheduler: cogVideoXDpmScheduler,
  EDMEulerScheduler: edmEulerScheduler,
  EDMDPMSolverMultistepScheduler: edmDpmSolverScheduler,
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
    const scheduler = create(config, steps);
    checkFinite(scheduler, config);
    return scheduler;
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

/** Some settings that diffusers accepts lead to NaN there: a run of them is refused before it starts. */
function checkFinite({ steps }: Scheduler, config: SchedulerConfig): void {
  const numbers = (value: unknown): number[] => {
    if (typeof value === 'number') return [value];
    return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbers) : [];
  };
  const at = steps.findIndex((step) => !numbers(step).every(Number.isFinite));
  if (at >= 0)
    throw unsupported(config, 'these settings', `step ${at + 1} of ${steps.length} has no finite coefficients`);
}
