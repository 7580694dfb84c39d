/** Command line arguments, checked and typed; everything wrong with them is `cli/usage`. */

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import type { LatentSize } from '../pipeline/PipelineDescription';
import { type NodeDevice, nodeDevices } from '../runtime/nodeDevices';

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<T extends Options> = ReturnType<typeof parseArgs<{ args: string[]; options: T; allowPositionals: true }>>;

/** `names` are the positional arguments, all required. */
export function parseArguments<T extends Options>(
  args: readonly string[],
  options: T,
  names: readonly string[],
): Parsed<T> {
  const parsed = parsedOrUsage(args, options);
  const given = parsed.positionals;
  if (given.length < names.length) throw new StudioError('cli/usage', `${names[given.length]} is missing.`);
  if (given.length > names.length) throw new StudioError('cli/usage', `Unexpected argument "${given[names.length]}".`);
  return parsed;
}

function parsedOrUsage<T extends Options>(args: readonly string[], options: T): Parsed<T> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new StudioError(
      'cli/usage',
      message.replace(/\. To specify a positional.*$/s, '.').replaceAll('\n', ' '),
      {},
      { cause },
    );
  }
}

export function required(value: string | undefined, option: string): string {
  if (value === undefined || value === '') throw new StudioError('cli/usage', `${option} is missing.`);
  return value;
}

/** A whole number within limits, or `fallback` when the option is not given. */
export function integer<T extends number | undefined>(
  value: string | undefined,
  option: string,
  limits: { min: number; max: number },
  fallback: T,
): number | T {
  if (value === undefined) return fallback;
  const parsed = Number(value);
  if (!/^\d+$/.test(value) || parsed < limits.min || parsed > limits.max) {
    throw new StudioError(
      'cli/usage',
      `${option} takes a whole number from ${limits.min} to ${limits.max}, not "${value}".`,
    );
  }
  return parsed;
}

/** A finite number of at least `min`, or `fallback`. */
export function decimal<T extends number | undefined>(
  value: string | undefined,
  option: string,
  min: number,
  fallback: T,
): number | T {
  if (value === undefined) return fallback;
  const parsed = Number(value);
  if (value.trim() === '' || !Number.isFinite(parsed) || parsed < min) {
    throw new StudioError('cli/usage', `${option} takes a number of at least ${min}, not "${value}".`);
  }
  return parsed;
}

/** `--bind batch=2,frames=16` -> dimension name to size. A name may hold commas: exporters write `max(h, 1)`. */
export function bindings(values: readonly string[] | undefined): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const value of values ?? []) {
    const entries = [...value.matchAll(/\s*(.*?\S)=(\d+)\s*(?:,|$)/gy)];
    const rest = value.slice(entries.reduce((length, [text]) => length + text.length, 0));
    if (rest.trim() !== '' || entries.length === 0)
      throw new StudioError('cli/usage', `--bind takes NAME=SIZE, not "${rest || value}".`);
    for (const [, name, size] of entries) sizes.set(present(name), Number(size));
  }
  return sizes;
}

export const latentSizeHelp = `  --latent-size FxHxW    frames, height and width of the latent, where the graph leaves them free`;

/** `--latent-size 16x32x32`. */
export function latentSize(value: string | undefined): LatentSize {
  if (value === undefined) return {};
  const match = /^(\d+)x(\d+)x(\d+)$/.exec(value);
  const [frames, height, width] = (match ?? []).slice(1).map(Number);
  if (!frames || !height || !width)
    throw new StudioError('cli/usage', `--latent-size takes FRAMESxHEIGHTxWIDTH, not "${value}".`);
  return { frames, height, width };
}

export const deviceHelp = `  --device NAME          cpu (default), webgpu or cuda; a device counts after it gave the CPU's numbers on a small graph`;

/** `--device webgpu`. */
export function device(value: string | undefined): NodeDevice {
  const known = nodeDevices.find((name) => name === (value ?? 'cpu'));
  if (!known) throw new StudioError('cli/usage', `--device is one of ${nodeDevices.join(', ')}, not "${value}".`);
  return known;
}
