/**
 * Files in a place that the person picked (File System Access): a file, or a folder for a graph with its weights.
 * A writable stream goes to a swap file, and the browser moves that to the final name when it is closed; so a file
 * that is not finished never bears its name, and a picked file that is to be replaced stays as it was until then.
 */
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import { blobSource } from '../onnx/blobSource';
import type { ExportedFile, PickedPlace } from './exportData';

/** Not in TypeScript's library yet; every browser with the pickers has it (Chromium 110 and later). */
type Removable = FileSystemFileHandle & { remove(): Promise<void> };

export interface ExportFileWriter {
  write(piece: Blob): Promise<void>;
  /** The whole file; nothing can be written after it. */
  finish(): Promise<Blob>;
  /** Forgets what was written. */
  discard(): Promise<void>;
}

/**
 * It and what it gives throw `library/quota` (the disk is full), `library/write-refused` (no permission),
 * `library/write-failed` (the place is gone, locked or write-protected) and `onnx/file-changed` (what was to be
 * written went). A picked file ignores the name.
 */
export async function createFile(place: PickedPlace, name: string, sizeBytes: number): Promise<ExportFileWriter> {
  const whatFailed = { name: place.kind === 'file' ? place.handle.name : name, sizeBytes };
  const handle =
    place.kind === 'file' ? place.handle : await typed(whatFailed, place.handle.getFileHandle(name, { create: true }));
  const remove = async () => {
    const gone = place.kind === 'file' ? (handle as Removable).remove() : place.handle.removeEntry(name);
    await gone.catch(() => undefined); // nothing of it is left, or nothing can be done: the failure that led here is what is told
  };
  const stream = await typed(whatFailed, handle.createWritable()).catch(async (refused: unknown) => {
    if (place.kind === 'folder') await remove(); // the empty file that was just made there
    throw refused;
  });
  return writer(handle, stream, whatFailed, async (closed) => {
    if (!closed) await stream.abort().catch(() => undefined); // a stream that failed is closed already
    // A picked file that was not closed is as it was; an empty one that the picker made is the page's to remove.
    if (closed || place.kind === 'folder') await remove();
  });
}

interface Written {
  readonly name: string;
  readonly sizeBytes: number;
}

function writer(
  handle: FileSystemFileHandle,
  stream: FileSystemWritableFileStream,
  what: Written,
  discard: (closed: boolean) => Promise<void>,
): ExportFileWriter {
  let closed = false;
  let bytes = 0;
  return {
    write: async (piece) => {
      await typed(what, stream.write(piece)).catch(async (failed: unknown) => {
        await blobSource(piece).read(0, Math.min(1, piece.size)); // tells where it is the opened file that went
        throw failed;
      });
      bytes += piece.size;
    },
    finish: async () => {
      await typed(what, stream.close());
      closed = true;
      const whole = await typed(what, handle.getFile());
      if (whole.size !== bytes)
        throw new StudioError(
          'library/write-failed',
          `${what.name} has ${whole.size} of ${bytes} bytes after it was written.`,
          { name: what.name, neededBytes: bytes, writtenBytes: whole.size },
        );
      return whole;
    },
    discard: () => discard(closed),
  };
}

/** An AbortError here is the browser's refusal (a blocked download), not the person's cancel: that stops between writes. */
async function typed<T>({ name, sizeBytes }: Written, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const kind = cause instanceof DOMException ? cause.name : '';
    if (kind === 'QuotaExceededError')
      throw new StudioError(
        'library/quota',
        `${name} needs ${(sizeBytes / 1e9).toFixed(2)} GB, and there is less where it was to go.`,
        { name, neededBytes: sizeBytes },
        { cause },
      );
    if (kind === 'NotAllowedError' || kind === 'SecurityError')
      throw new StudioError(
        'library/write-refused',
        `The browser does not let this page write ${name}: ${reason}`,
        { name },
        { cause },
      );
    throw new StudioError('library/write-failed', `${name} could not be written: ${reason}`, { name }, { cause });
  }
}

/** `base`, or `base-2`, `base-3` ...: no file with one of the endings is in the folder. Throws as `createFile` does. */
export async function freeName(
  folder: FileSystemDirectoryHandle,
  base: string,
  endings: readonly string[],
): Promise<string> {
  for (let count = 1; ; count++) {
    const name = count === 1 ? base : `${base}-${count}`;
    const taken = await Promise.all(endings.map((ending) => isThere(folder, `${name}${ending}`)));
    if (!taken.includes(true)) return name;
  }
}

async function isThere(folder: FileSystemDirectoryHandle, name: string): Promise<boolean> {
  try {
    await folder.getFileHandle(name);
    return true;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotFoundError') return false;
    if (error instanceof DOMException && error.name === 'TypeMismatchError') return true; // a folder of that name
    return typed({ name, sizeBytes: 0 }, Promise.reject(error));
  }
}

const READ_BYTES = 4 * 2 ** 20;

/** Reads a file back from its place. Throws `library/write-failed` where its bytes are not those of `source`, and the signal's reason. `onRead`: bytes read so far. */
export async function readBack(
  { name, blob: written }: ExportedFile,
  source: Blob,
  onRead: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const side = (blob: Blob) => ({ reader: present(blobSource(blob).openReader)(), memory: new Uint8Array(READ_BYTES) });
  const [left, right] = [side(source), side(written)];
  try {
    for (let at = 0; at < source.size; at += READ_BYTES) {
      signal?.throwIfAborted();
      const length = Math.min(READ_BYTES, source.size - at);
      const [expected, found] = [left.memory.subarray(0, length), right.memory.subarray(0, length)];
      await Promise.all([
        left.reader.readInto(at, expected),
        typed({ name, sizeBytes: source.size }, right.reader.readInto(at, found)),
      ]);
      const wrong = firstDifference(expected, found);
      if (wrong < length)
        throw new StudioError(
          'library/write-failed',
          `${name} reads back otherwise than it was written, from byte ${at + wrong} on.`,
          { name, offset: at + wrong },
        );
      onRead(at + length);
    }
  } finally {
    for (const { reader } of [left, right]) await reader.close();
  }
}

/** The length of `expected` where there is none. Both begin where a 32-bit number may. */
function firstDifference(expected: Uint8Array, found: Uint8Array): number {
  const words = (bytes: Uint8Array) => new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const [left, right] = [words(expected), words(found)];
  let word = 0;
  while (word < left.length && left[word] === right[word]) word++;
  let at = 4 * word;
  while (at < expected.length && expected[at] === found[at]) at++;
  return at;
}
