/**
 * The shift of flow matching's noise levels, s -> k s / (1 + (k - 1) s): fixed, or by the number of tokens, which a
 * config does not hold and `withDynamicShift` resolves.
 */
import { present } from '../../errors/present';
import { booleanField, numberField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { choiceField, SCHEDULER_FILE, unsupported } from './schedulerFields';

export function isDynamic(config: SchedulerConfig): boolean {
  return booleanField(config, 'use_dynamic_shifting', false, SCHEDULER_FILE);
}

/** `field`: the fixed shift's name. Throws `library/unsupported-scheduler` for an unresolved dynamic shift. */
export function shiftOf(config: SchedulerConfig, field: 'shift' | 'flow_shift'): number {
  if (!isDynamic(config)) return numberField(config, field, 1, SCHEDULER_FILE);
  const resolved = numberField(config, 'dynamic_shift', undefined, SCHEDULER_FILE);
  if (resolved !== undefined) return resolved;
  throw unsupported(
    config,
    'use_dynamic_shifting',
    'the shift depends on the number of tokens, which the config does not hold',
  );
}

/**
 * `shift_terminal`: stretches falling levels so that the last one is what the config says. A run of one step, which
 * begins at 1, has nothing to stretch (diffusers divides by zero there).
 */
export function stretched(config: SchedulerConfig, sigmas: number[]): number[] {
  const terminal = numberField(config, 'shift_terminal', 0, SCHEDULER_FILE);
  if (!terminal || sigmas.at(-1) === 1) return sigmas;
  const scale = (1 - present(sigmas.at(-1))) / (1 - terminal);
  return sigmas.map((sigma) => 1 - (1 - sigma) / scale);
}

/**
 * Resolves dynamic shifting at `tokens` tokens into the studio's own field `dynamic_shift`: mu is linear in the
 * tokens (base_shift at base_image_seq_len, max_shift at max_image_seq_len); exponential shifting by mu is the
 * same as s -> k s / (1 + (k - 1) s) with k = e^mu, linear shifting as k = mu. Other configs come back as they are.
 */
export function withDynamicShift(config: SchedulerConfig, tokens: number): SchedulerConfig {
  if (!isDynamic(config)) return config;
  const baseTokens = numberField(config, 'base_image_seq_len', 256, SCHEDULER_FILE);
  const maxTokens = numberField(config, 'max_image_seq_len', 4096, SCHEDULER_FILE);
  const baseShift = numberField(config, 'base_shift', 0.5, SCHEDULER_FILE);
  const maxShift = numberField(config, 'max_shift', 1.15, SCHEDULER_FILE);
  const mu = baseShift + ((maxShift - baseShift) / (maxTokens - baseTokens)) * (tokens - baseTokens);
  const exponential =
    choiceField(config, 'time_shift_type', ['exponential', 'linear'], 'exponential') === 'exponential';
  return { ...config, dynamic_shift: exponential ? Math.exp(mu) : mu };
}
