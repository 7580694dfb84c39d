/** A folder that remembers which of its files were read: of one that cannot be listed, these are known to be there. Keeps no contents. */
import type { Folder } from './Folder';
import { normalisePath } from './paths';

/** The folder with `readPaths`, which grows as files are opened. */
export function recordReads(folder: Folder): Folder {
  const readPaths = new Set<string>();
  return {
    ...folder,
    readPaths,
    async open(path, options) {
      const source = await folder.open(path, options);
      readPaths.add(normalisePath(path));
      return source;
    },
  };
}
