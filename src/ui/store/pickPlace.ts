/** The browser's pickers for where an export goes. They open on a click only, before anything else is awaited. */

import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import type { ExportFormat, PickedPlace } from '../../worker/protocol';
import { isAbort } from './engine';

type PermissionHandle = FileSystemHandle & {
  requestPermission(options: { mode: 'readwrite' }): Promise<PermissionState>;
};

/** Not in TypeScript's library yet. */
interface Pickers {
  showSaveFilePicker?(options: {
    id: string;
    suggestedName: string;
    types: readonly { description: string; accept: Readonly<Record<string, readonly string[]>> }[];
  }): Promise<FileSystemFileHandle>;
  showDirectoryPicker?(options: { id: string; mode: 'readwrite' }): Promise<FileSystemDirectoryHandle>;
}

const pickers = (): Pickers => window as unknown as Pickers;
const ID = 'vdmini-export';

/** Chromium has them, Firefox and Safari do not; there every export is a download. */
export function canPickPlace(): boolean {
  const { showSaveFilePicker, showDirectoryPicker } = pickers();
  return showSaveFilePicker !== undefined && showDirectoryPicker !== undefined;
}

/**
 * A file, or for a graph with its weights a folder: two files picked apart could end up in places or under names
 * where one does not find the other. Null when the person closed the picker. Throws `library/write-refused`.
 */
export async function pickPlace(format: ExportFormat, name: string): Promise<PickedPlace | null> {
  let place: PickedPlace;
  try {
    place =
      format === 'onnx-external'
        ? { kind: 'folder', handle: await present(pickers().showDirectoryPicker)({ id: ID, mode: 'readwrite' }) }
        : { kind: 'file', handle: await present(pickers().showSaveFilePicker)(fileOptions(format, name)) };
  } catch (thrown) {
    if (isAbort(thrown)) return null;
    throw refused(name, thrown);
  }
  const permission = await (place.handle as unknown as PermissionHandle)
    .requestPermission({ mode: 'readwrite' })
    .catch((thrown: unknown) => {
      throw refused(place.handle.name, thrown);
    });
  if (permission === 'granted') return place;
  await removeIfEmpty(place);
  throw refused(place.handle.name, 'the permission was not given.');
}

/** The save picker makes an empty file at once: it goes when nothing was written to it. */
export async function removeIfEmpty(place: PickedPlace): Promise<void> {
  if (place.kind === 'folder') return;
  const handle = place.handle as FileSystemFileHandle & { remove(): Promise<void> };
  try {
    if ((await handle.getFile()).size === 0) await handle.remove();
  } catch {
    return; // it is gone already, or may not be touched; what failed before is what the person is told
  }
}

function fileOptions(format: ExportFormat, name: string): Parameters<NonNullable<Pickers['showSaveFilePicker']>>[0] {
  const [description, type, ending] =
    format === 'pipeline-zip'
      ? ['Zipped pipeline', 'application/zip', '.zip']
      : ['ONNX model', 'application/octet-stream', '.onnx'];
  return { id: ID, suggestedName: `${name}${ending}`, types: [{ description, accept: { [type]: [ending] } }] };
}

function refused(name: string, reason: unknown): StudioError {
  return new StudioError(
    'library/write-refused',
    `${name} cannot be saved there: ${reason instanceof Error ? reason.message : String(reason)}`,
    { name },
    { cause: reason },
  );
}
