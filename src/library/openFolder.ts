/** From what the page sends to a folder that can be read. Only files that are known to be there are asked for yet. */
import type { Folder, FolderReference } from './Folder';
import { filesFolder } from './filesFolder';
import { openModelCache } from './modelCache';
import { urlFolder } from './urlFolder';

/**
 * Throws `library/no-model` for dropped files without a model, `library/fetch-failed` for an address that is none.
 * `signal` ends what is asked for beforehand. Where the browser has no origin private file system, `keep` has no effect.
 */
export async function openFolder(reference: FolderReference, signal?: AbortSignal): Promise<Folder> {
  switch (reference.kind) {
    case 'url': {
      const cache = reference.keep ? await openModelCache() : undefined;
      return cache ? cache.folder(reference) : urlFolder(reference, { signal });
    }
    case 'files':
      return filesFolder(reference);
  }
}
