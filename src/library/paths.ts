/** Paths inside a folder: forward slashes, relative, no '.' or '..' left. Not URLs and not a disk's own paths. */
import { StudioError } from '../errors/StudioError';

/** 'unet\\a/./b' -> 'unet/a/b'. Throws `onnx/unsafe-location` when the path is absolute or leaves the folder. */
export function normalisePath(path: string): string {
  const unsafe = () =>
    new StudioError('onnx/unsafe-location', `The path "${path}" leads out of the model's folder.`, { location: path });
  const slashed = path.replaceAll('\\', '/');
  if (slashed.startsWith('/') || /^[a-z][a-z0-9+.-]*:/i.test(slashed) || slashed.includes('\0')) throw unsafe();
  const parts: string[] = [];
  for (const part of slashed.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw unsafe();
  }
  return parts.join('/');
}

/** 'unet/model.onnx' -> 'unet'; 'model.onnx' -> ''. */
export function directoryOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function joinPath(directory: string, path: string): string {
  return directory === '' ? path : `${directory}/${path}`;
}

/** The folder that all paths share at their start, '' when there is none; a lone file's folder counts. */
export function commonRoot(paths: readonly string[]): string {
  const [first] = paths;
  let root = first === undefined ? [] : directoryOf(first).split('/');
  for (const path of paths) {
    const parts = directoryOf(path).split('/');
    const shared = root.findIndex((part, i) => part !== parts[i]);
    if (shared >= 0) root = root.slice(0, shared);
  }
  return root.join('/');
}
