/** Where the files of an export are put together: in memory, or in the browser's own storage where they are large. */
import { StudioError } from '../errors/StudioError';

export interface ExportFileWriter {
  /** The chunk's memory may be used again once the promise is fulfilled. */
  write(chunk: Uint8Array): Promise<void>;
  /** The whole file; nothing can be written after it. */
  finish(): Promise<Blob>;
  /** Forgets what was written. */
  discard(): Promise<void>;
}

export interface ExportFiles {
  /** Throws `library/quota` when there is no room for it. Files of an earlier export go when `begin` is called. */
  create(name: string, sizeBytes: number): Promise<ExportFileWriter>;
  begin(): Promise<void>;
}

export const memoryFiles: ExportFiles = {
  begin: async () => undefined,
  create: async () => {
    let chunks: Uint8Array<ArrayBuffer>[] = [];
    return {
      write: async (chunk) => void chunks.push(chunk.slice() as Uint8Array<ArrayBuffer>),
      finish: async () => new Blob(chunks),
      discard: async () => void (chunks = []),
    };
  },
};

const FOLDER = 'exports';
const UNFINISHED = '.part';
/** Below this, memory is quicker and leaves nothing behind. */
const LARGE_BYTES = 256 * 2 ** 20;

/**
 * Large files are written to the origin private file system, under a name that says they are not finished, and
 * handed out as a Blob that reads from there. For workers only: it uses synchronous access handles.
 */
export function browserFiles(storage: StorageManager): ExportFiles {
  const folder = async () => (await storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
  return {
    begin: async () => {
      const root = await storage.getDirectory();
      await root.removeEntry(FOLDER, { recursive: true }).catch(() => undefined); // there was none
    },
    create: async (name, sizeBytes) => {
      if (sizeBytes < LARGE_BYTES) return memoryFiles.create(name, sizeBytes);
      const { quota = Infinity, usage = 0 } = await storage.estimate();
      if (sizeBytes > quota - usage) throw noRoom(sizeBytes, quota - usage);
      const directory = await folder();
      const temporary = `${name}${UNFINISHED}`;
      const file = await directory.getFileHandle(temporary, { create: true });
      const access = await file.createSyncAccessHandle();
      // A file that grows write by write asks the quota each time: three times slower (Chromium 156).
      try {
        access.truncate(sizeBytes);
      } catch {
        access.close();
        await directory.removeEntry(temporary).catch(() => undefined);
        throw noRoom(sizeBytes, quota - usage);
      }
      let offset = 0;
      return {
        write: async (chunk) => {
          const written = access.write(chunk as Uint8Array<ArrayBuffer>, { at: offset });
          // Private windows keep files in memory and miscount beyond 2 GB (Chromium 156): anything but all of it is a failure.
          if (written !== chunk.length) throw noRoom(sizeBytes, offset);
          offset += written;
        },
        finish: async () => {
          access.truncate(offset);
          access.flush();
          access.close();
          const whole = await file.getFile();
          if (whole.size !== offset) throw new StudioError('library/quota', `The browser stored ${whole.size} of ${offset} bytes.`, { neededBytes: offset, freeBytes: whole.size });
          return whole;
        },
        discard: async () => {
          access.close();
          await directory.removeEntry(temporary).catch(() => undefined); // nothing of it is left to remove
        },
      };
    },
  };
}

function noRoom(neededBytes: number, freeBytes: number): StudioError {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  return new StudioError('library/quota', `The export needs ${gigabytes(neededBytes)}; the browser has room for ${gigabytes(Math.max(0, freeBytes))}.`, { neededBytes, freeBytes });
}
