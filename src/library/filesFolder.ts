/**
 * A folder of files that the person dropped or picked: nested, with the common root folder stripped and the
 * litter of operating systems left out. Bytes are read from the files when asked for, never all at once.
 */
import { StudioError } from '../errors/StudioError';
import { blobSource } from '../onnx/blobSource';
import type { Folder, FolderReference } from './Folder';
import { baseName, commonRoot, normalisePath } from './paths';

type DroppedFiles = Extract<FolderReference, { kind: 'files' }>;

/** Files that no person means to drop: '.DS_Store', 'Thumbs.db', '__MACOSX/...', '.git/...'. */
function isLitter(path: string): boolean {
  return path
    .split('/')
    .some((part) => part.startsWith('.') || part === '__MACOSX' || part === 'Thumbs.db' || part === 'desktop.ini');
}

/** Throws `library/no-model` when nothing in the files is a model. */
export function filesFolder(reference: DroppedFiles): Folder {
  const given = reference.files
    .map(({ path, file }) => ({ path: normalisePath(path), file }))
    .filter(({ path }) => !isLitter(path));
  const root = commonRoot(given.map(({ path }) => path));
  const strip = (path: string) => (root === '' ? path : path.slice(root.length + 1));
  const files = new Map(given.map(({ path, file }) => [strip(path), file]));
  const paths = [...files.keys()].sort();
  if (!paths.some((path) => path.endsWith('.onnx') || path === 'model_index.json')) {
    const names = reference.files.slice(0, 5).map(({ path }) => baseName(path));
    throw new StudioError(
      'library/no-model',
      `None of the ${reference.files.length} files is an ONNX model (${names.join(', ')}).`,
      {
        files: names,
      },
    );
  }
  return {
    name: reference.name,
    paths,
    has: async (path) => files.has(normalisePath(path)),
    open: async (path, options) => {
      options?.signal?.throwIfAborted();
      const file = files.get(normalisePath(path));
      if (!file)
        throw new StudioError('library/missing-file', `The dropped files hold no ${path}.`, {
          path,
          folder: reference.name,
        });
      options?.onProgress?.(file.size, file.size);
      return blobSource(file);
    },
  };
}
