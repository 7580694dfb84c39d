/** Which weights files a model names, and whether those names stay inside its folder. Opens nothing. */
import { StudioError } from '../errors/StudioError';
import type { Model } from './model';
import { allTensors } from './tensors';

/** Every distinct location, in the order of the file. Throws `onnx/unsafe-location`. */
export function externalLocations(model: Model): readonly string[] {
  const locations = new Set<string>();
  for (const { data } of allTensors(model)) if (data.kind === 'external') locations.add(data.location);
  for (const location of locations) checkLocation(location);
  return [...locations];
}

/**
 * One spelling for one file, as file systems have it: `./a//b/./c` is `a/b/c`. What leaves the folder stays as it is,
 * for `checkLocation` to refuse.
 */
export function normalLocation(location: string): string {
  if (location.startsWith('/')) return location;
  return location
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

/**
 * A location is a path relative to the model's folder, with forward slashes, that stays inside it. Backslashes and drive
 * letters are refused everywhere, as a file made on one system is opened on another. Throws `onnx/unsafe-location`.
 */
export function checkLocation(location: string): void {
  const reason = unsafety(location);
  if (reason)
    throw new StudioError('onnx/unsafe-location', `The model names the weights file '${location}', which ${reason}.`, {
      location,
    });
}

function unsafety(location: string): string | undefined {
  if (location === '') return 'is no name';
  if (location.startsWith('/')) return 'is an absolute path';
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(location)) return 'names a drive or an address';
  if (location.includes('\\')) return 'has a backslash';
  if (/[\u0000-\u001f]/.test(location)) return 'has a control character';
  return location.split('/').includes('..') ? 'leaves the folder' : undefined;
}
