/** From what the page sends to a folder that can be read. Nothing is fetched yet. */
import type { Folder, FolderReference } from './Folder';
import { filesFolder } from './filesFolder';
import { urlFolder } from './urlFolder';

/** Throws `library/no-model` for dropped files without a model. */
export async function openFolder(reference: FolderReference): Promise<Folder> {
  switch (reference.kind) {
    case 'url':
      return urlFolder(reference);
    case 'files':
      return filesFolder(reference);
  }
}
