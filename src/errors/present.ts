/**
 * A value that cannot be missing, for types that do not know it: the element of a list whose length is known, the entry
 * of a map that was just filled. Not for what comes from outside: that is refused with a code of its own.
 */
import { StudioError } from './StudioError';

/** Throws `internal` where it is missing after all. */
export function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined)
    throw new StudioError('internal', 'A value that must be there is missing.');
  return value;
}
