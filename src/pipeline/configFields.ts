/**
 * Typed reading of one field of a JSON config. A field that is there with the wrong type is an error that names
 * file and field; one that is absent or null takes the fallback, as in diffusers.
 */
import { StudioError } from '../errors/StudioError';

export type Config = Readonly<Record<string, unknown>>;

/** What the other readers of this file throw: for a field that is wrong beside another. */
export function invalid(file: string, field: string, wanted: string, value: unknown): StudioError {
  return new StudioError(
    'library/invalid-config',
    `${file}: "${field}" should be ${wanted}, but is ${JSON.stringify(value)}.`,
    {
      file,
      field,
    },
  );
}

export function numberField<F extends number | undefined>(
  config: Config,
  field: string,
  fallback: F,
  file: string,
): number | F {
  const value = config[field];
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(file, field, 'a number', value);
  return value;
}

/** A whole number from 1 to `most`: what lists are made of must not be without end. */
export function countField<F extends number | undefined>(
  config: Config,
  field: string,
  fallback: F,
  file: string,
  most = Number.MAX_SAFE_INTEGER,
): number | F {
  const value = numberField(config, field, fallback, file);
  if (value !== undefined && (!Number.isSafeInteger(value) || value < 1 || value > most)) {
    const range = most === Number.MAX_SAFE_INTEGER ? 'a positive whole number' : `a whole number from 1 to ${most}`;
    throw invalid(file, field, range, value);
  }
  return value;
}

export function booleanField(config: Config, field: string, fallback: boolean, file: string): boolean {
  const value = config[field];
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'boolean') throw invalid(file, field, 'true or false', value);
  return value;
}

export function stringField<F extends string | undefined>(
  config: Config,
  field: string,
  fallback: F,
  file: string,
): string | F {
  const value = config[field];
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'string') throw invalid(file, field, 'a string', value);
  return value;
}

/** A list of numbers, or undefined when absent. */
export function numbersField(config: Config, field: string, file: string): readonly number[] | undefined {
  const value = config[field];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'number' && Number.isFinite(entry))) {
    throw invalid(file, field, 'a list of numbers', value);
  }
  return value as number[];
}
