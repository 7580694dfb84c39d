/** A folder of texts and bytes in memory, for tests. Listable unless said otherwise. */
import { StudioError } from '../../errors/StudioError';
import { blobSource } from '../../onnx/blobSource';
import type { Folder } from '../Folder';

export function memoryFolder(
  files: Readonly<Record<string, string | object>>,
  options: { listable?: boolean; name?: string } = {},
): Folder {
  return {
    name: options.name ?? 'memory',
    paths: options.listable === false ? null : Object.keys(files).sort(),
    has: async (path) => path in files,
    open: async (path) => {
      const content = files[path];
      if (content === undefined) throw new StudioError('library/missing-file', `no ${path}`, { path });
      return blobSource(new Blob([typeof content === 'string' ? content : JSON.stringify(content)]));
    },
  };
}
