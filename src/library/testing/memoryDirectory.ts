/** An in-memory stand-in for the origin private file system, with its errors and its write-on-close files. */
import type { CacheDirectory } from '../cacheStorage';
import type { RecordFile } from '../recordStore';

export interface MemoryDirectory extends CacheDirectory {
  readonly entries: Map<string, MemoryDirectory | MemoryFile>;
}

export interface MemoryFile extends RecordFile {
  bytes: Uint8Array<ArrayBuffer>;
}

function notFound(name: string): DOMException {
  return new DOMException(`${name} is not there`, 'NotFoundError');
}

/** `room.bytes`: how much may still be written, over the whole tree. */
export function memoryDirectory(room = { bytes: Infinity }): MemoryDirectory {
  const entries = new Map<string, MemoryDirectory | MemoryFile>();
  return {
    entries,
    getDirectoryHandle: async (name, options) => {
      if (!entries.has(name) && options?.create) entries.set(name, memoryDirectory(room));
      const entry = entries.get(name);
      if (!entry) throw notFound(name);
      if (!('entries' in entry)) throw new DOMException('it is a file', 'TypeMismatchError');
      return entry;
    },
    getFileHandle: async (name, options) => {
      if (!entries.has(name) && options?.create) entries.set(name, memoryFile(room));
      const entry = entries.get(name);
      if (!entry) throw notFound(name);
      if ('entries' in entry) throw new DOMException('it is a directory', 'TypeMismatchError');
      return entry;
    },
    removeEntry: async (name, options) => {
      const entry = entries.get(name);
      if (!entry) throw notFound(name);
      if ('entries' in entry && entry.entries.size > 0 && !options?.recursive)
        throw new DOMException('not empty', 'InvalidModificationError');
      entries.delete(name);
    },
    async *keys() {
      yield* [...entries.keys()];
    },
  };
}

function memoryFile(room: { bytes: number }): MemoryFile {
  const file: MemoryFile = {
    bytes: new Uint8Array(0),
    getFile: async () => new Blob([file.bytes]),
    createWritable: async (options) => {
      let draft = options?.keepExistingData ? file.bytes.slice() : new Uint8Array(0);
      let position = 0;
      return {
        seek: async (to) => void (position = to),
        write: async (data) => {
          if (data.length > room.bytes) throw new DOMException('full', 'QuotaExceededError');
          room.bytes -= data.length;
          const grown = new Uint8Array(Math.max(draft.length, position + data.length));
          grown.set(draft);
          grown.set(data, position);
          draft = grown;
          position += data.length;
        },
        close: async () => void (file.bytes = draft),
      };
    },
    // writes at once, as those of a worker do: what is torn in the middle stays torn
    createSyncAccessHandle: async () => ({
      truncate: (sizeBytes) => void (file.bytes = file.bytes.slice(0, sizeBytes)),
      write: (data, { at }) => {
        if (data.length > room.bytes) throw new DOMException('full', 'QuotaExceededError');
        room.bytes -= data.length;
        const grown = new Uint8Array(Math.max(file.bytes.length, at + data.length));
        grown.set(file.bytes);
        grown.set(data, at);
        file.bytes = grown;
        return data.length;
      },
      flush: () => undefined,
      close: () => undefined,
    }),
  };
  return file;
}
