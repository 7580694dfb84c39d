/** Reading scheduler_config.json: a setting that is known to diffusers but not to the studio is refused by name. */
import { StudioError } from '../../errors/StudioError';
import { stringField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';

export const SCHEDULER_FILE = 'scheduler_config.json';

export function unsupported(config: SchedulerConfig, setting: string, why: string): StudioError {
  return new StudioError(
    'library/unsupported-scheduler',
    `${config._class_name} with ${setting} is not supported: ${why}.`,
    {
      scheduler: config._class_name,
      setting,
    },
  );
}

/** One of `allowed`; anything else is refused. */
export function choiceField<T extends string>(
  config: SchedulerConfig,
  field: string,
  allowed: readonly T[],
  fallback: T,
): T {
  const value = stringField(config, field, fallback, SCHEDULER_FILE);
  if ((allowed as readonly string[]).includes(value)) return value as T;
  throw unsupported(config, `${field} "${value}"`, `known are ${allowed.join(', ')}`);
}
