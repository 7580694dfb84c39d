/** Values that are NaN or infinite: what a model gives that overflowed or is damaged. */
import { StudioError } from '../errors/StudioError';

export function countNotFinite(values: Float32Array): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) count++;
  return count;
}

/** `what`: 'The decoder'. Throws `engine/not-finite`. */
export function requireFiniteOutput(what: string, values: Float32Array): void {
  const count = countNotFinite(values);
  if (count === 0) return;
  throw new StudioError(
    'engine/not-finite',
    `${what}: ${count} of ${values.length} values of the output are not finite (NaN or Inf).`,
    { notFinite: count, of: values.length },
  );
}
