/** Dropped or picked files as a folder reference: whole folders with their paths, without reading any file. */
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import type { FolderReference } from '../../library/Folder';

type FilesReference = Extract<FolderReference, { kind: 'files' }>;
type NamedFile = FilesReference['files'][number];

/** Must be called in the drop event itself: the browser empties the transfer afterwards. Throws `library/no-model` when nothing was dropped. */
export async function readDropped(transfer: DataTransfer): Promise<FolderReference> {
  const entries = [...transfer.items].flatMap((item) => (item.kind === 'file' ? (item.webkitGetAsEntry() ?? []) : []));
  const loose = [...transfer.files];
  const files =
    entries.length > 0
      ? (await Promise.all(entries.map(filesBelow))).flat()
      : loose.map((file) => ({ path: file.name, file }));
  return asFolder(files);
}

/** From a file or folder picker. */
export function readPicked(list: FileList): FolderReference {
  return asFolder([...list].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

async function filesBelow(entry: FileSystemEntry): Promise<readonly NamedFile[]> {
  const path = entry.fullPath.replace(/^\//, '');
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ path, file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const children: FileSystemEntry[] = [];
  // A reader hands out at most a hundred entries at a time and ends with an empty list.
  for (;;) {
    const some = await new Promise<readonly FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) break;
    children.push(...some);
  }
  return (await Promise.all(children.filter((child) => !child.name.startsWith('.')).map(filesBelow))).flat();
}

/** Names the folder and, when all files share one top folder, makes paths relative to it. */
export function asFolder(files: readonly NamedFile[]): FolderReference {
  if (files.length === 0) throw new StudioError('library/no-model', 'Nothing that can be read was dropped.');
  const tops = new Set(files.map(({ path }) => (path.includes('/') ? present(path.split('/')[0]) : '')));
  const [top] = tops;
  if (tops.size === 1 && top !== '' && top !== undefined) {
    return {
      kind: 'files',
      name: top,
      files: files.map(({ path, file }) => ({ path: path.slice(top.length + 1), file })),
    };
  }
  const model = files.find(({ path }) => path.toLowerCase().endsWith('.onnx')) ?? present(files[0]);
  return { kind: 'files', name: model.path, files };
}
