/**
 * A folder on disk, for the command line and tests; a path to one .onnx file gives its folder seen as that file.
 * Node only. Files stay closed between reads, so an abandoned source leaks no handle.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { StudioError } from '../errors/StudioError';
import type { ByteSource, SequentialReader } from '../onnx/ByteSource';
import { checkRange } from '../onnx/byteRange';
import type { Folder } from './Folder';
import { readError } from './fileErrors';
import { normalisePath } from './paths';

/** Throws `library/missing-file` when there is nothing at `path`. */
export async function nodeFolder(path: string): Promise<Folder> {
  const target = await stat(path).catch((cause: unknown) => {
    throw new StudioError('library/missing-file', `There is no file or folder ${path}.`, { path }, { cause });
  });
  const root = resolve(target.isDirectory() ? path : dirname(path));
  return {
    name: basename(resolve(path)),
    paths: target.isDirectory() ? await listFiles(root) : [basename(path)],
    has: async (file) => isFile(join(root, normalisePath(file))),
    staysInside: async (file) => isWithin(await realPath(root), await realPath(join(root, normalisePath(file)))),
    open: async (file, options) => {
      options?.signal?.throwIfAborted();
      const source = await fileSource(join(root, normalisePath(file)));
      options?.onProgress?.(source.sizeBytes, source.sizeBytes);
      return source;
    },
  };
}

async function listFiles(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch((thrown: unknown) => {
    throw readError(thrown, root);
  });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    throw readError(thrown, path);
  }
}

const isWithin = (folder: string, path: string): boolean =>
  path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

async function isFile(path: string): Promise<boolean> {
  const target = await stat(path).catch(() => undefined);
  return target?.isFile() ?? false;
}

/** Throws `library/missing-file` when the path is no file. */
export async function fileSource(filePath: string): Promise<ByteSource> {
  if (!(await isFile(filePath)))
    throw new StudioError('library/missing-file', `There is no file ${filePath}.`, { path: filePath });
  const { size } = await stat(filePath);
  const read = async (offsetBytes: number, lengthBytes: number) => {
    checkRange(offsetBytes, lengthBytes, size);
    const reader = fileReader(filePath, size);
    try {
      const bytes = new Uint8Array(lengthBytes);
      await reader.readInto(offsetBytes, bytes);
      return bytes;
    } finally {
      await reader.close();
    }
  };
  return { sizeBytes: size, filePath, read, openReader: () => fileReader(filePath, size) };
}

function system<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw readError(thrown, path);
  }
}

/** Synchronous: a switch of threads costs more than reading a chunk that the system holds in memory. */
function fileReader(filePath: string, sizeBytes: number): SequentialReader {
  const file = system(filePath, () => openSync(filePath, 'r'));
  return {
    readInto: async (offsetBytes, target) => {
      checkRange(offsetBytes, target.length, sizeBytes);
      for (let filled = 0; filled < target.length; ) {
        const length = Math.min(target.length - filled, 2 ** 30);
        const bytesRead = system(filePath, () => readSync(file, target, filled, length, offsetBytes + filled));
        if (bytesRead === 0)
          throw new StudioError('onnx/truncated', `${basename(filePath)} became shorter while it was read.`, {
            path: filePath,
          });
        filled += bytesRead;
      }
    },
    close: async () => closeSync(file),
  };
}
