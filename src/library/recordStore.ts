/**
 * Records in the origin private file system: a JSON head and bytes under an id, replaced as a whole, within a budget. A
 * record is written beside the one that it replaces and counts once its head is there, so that being killed in the middle
 * leaves the older one. Only a worker can write; anybody can list. What the bytes mean is not known here.
 */
import { StudioError } from '../errors/StudioError';
import { type CacheDirectory, type CacheFile, findDirectory, findFile, namesIn, removeIfThere } from './cacheStorage';
import { sha256Of } from './sha256';

/** What is used of a FileSystemSyncAccessHandle. */
export interface SyncHandle {
  truncate(sizeBytes: number): void;
  /** Bytes written. */
  write(data: Uint8Array, options: { readonly at: number }): number;
  flush(): void;
  close(): void;
}

export interface RecordFile extends CacheFile {
  createSyncAccessHandle(): Promise<SyncHandle>;
}

export interface StoredRecord<Head> {
  readonly id: string;
  readonly head: Head;
  readonly sizeBytes: number;
  readonly storedAtMs: number;
}

export interface RecordStore<Head> {
  readonly budgetBytes: number;
  /** Whole ones, the latest first. */
  list(): Promise<readonly StoredRecord<Head>[]>;
  /** Undefined where there is none. Throws `library/integrity` for bytes that are not what was written. */
  read(id: string): Promise<{ readonly head: Head; readonly bytes: Uint8Array } | undefined>;
  /** Throws `library/quota` when there is no room, and leaves what was there. */
  write(id: string, head: Head, bytes: Uint8Array): Promise<void>;
  /** No error when it is not there. */
  remove(id: string): Promise<void>;
}

export interface RecordStoreParts<Head> {
  readonly directory: CacheDirectory;
  readonly budgetBytes: number;
  /** What happens to the oldest others when there is no room for one more. */
  readonly whenFull: 'remove-oldest' | 'refuse';
  /** Heads of other shapes, of an older version, count as not stored. */
  readonly isHead: (value: unknown) => value is Head;
}

/** Of the two places of a record, one is whole at any time. */
type Slot = 'a' | 'b';

interface SlotHead<Head> {
  readonly slot: Slot;
  readonly sequence: number;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly storedAtMs: number;
  readonly head: Head;
}

export function recordStore<Head>({
  directory,
  budgetBytes,
  whenFull,
  isHead,
}: RecordStoreParts<Head>): RecordStore<Head> {
  const current = async (id: string) => {
    const own = await findDirectory(directory, id);
    if (!own) return undefined;
    const slots = await Promise.all((['a', 'b'] as const).map((slot) => readSlot(own, slot, isHead)));
    return slots.filter((slot) => slot !== undefined).toSorted((one, other) => other.sequence - one.sequence)[0];
  };
  const list = async (): Promise<readonly StoredRecord<Head>[]> => {
    const found = await Promise.all(
      (await namesIn(directory)).map(async (id) => {
        const slot = await current(id);
        return slot ? [{ id, head: slot.head, sizeBytes: slot.sizeBytes, storedAtMs: slot.storedAtMs }] : [];
      }),
    );
    return found.flat().toSorted((one, other) => other.storedAtMs - one.storedAtMs);
  };
  /** Removes the oldest of the others; false when there is none that may go. */
  const removeOldest = async (but: string): Promise<boolean> => {
    const oldest = (await list()).filter(({ id }) => id !== but).at(-1);
    if (!oldest || whenFull === 'refuse') return false;
    await removeIfThere(directory, oldest.id);
    return true;
  };
  const makeRoom = async (id: string, neededBytes: number): Promise<void> => {
    for (;;) {
      const others = (await list()).filter((record) => record.id !== id);
      const usedBytes = others.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      if (usedBytes + neededBytes <= budgetBytes) return;
      if (!(await removeOldest(id))) throw quotaError(neededBytes, budgetBytes - usedBytes);
    }
  };
  const replace = async (id: string, head: Head, bytes: Uint8Array): Promise<void> => {
    await makeRoom(id, bytes.byteLength);
    const before = await current(id);
    const slot: Slot = before?.slot === 'a' ? 'b' : 'a';
    const own = await directory.getDirectoryHandle(id, { create: true });
    const record: Omit<SlotHead<Head>, 'slot'> = {
      sequence: (before?.sequence ?? 0) + 1,
      sizeBytes: bytes.byteLength,
      sha256: await sha256Of([bytes]),
      storedAtMs: Date.now(),
      head,
    };
    for (;;) {
      try {
        await removeIfThere(own, `${slot}.json`);
        await writeFile(own, `${slot}.bytes`, bytes);
        await writeFile(own, `${slot}.json`, new TextEncoder().encode(JSON.stringify(record)));
        break;
      } catch (thrown) {
        await removeSlot(own, slot);
        if (!(thrown instanceof StudioError && thrown.code === 'library/quota')) throw thrown;
        if (!(await removeOldest(id))) throw thrown;
      }
    }
    if (before) await removeSlot(own, before.slot);
  };
  return {
    budgetBytes,
    list,
    read: async (id) => {
      const slot = await current(id);
      const own = slot && (await findDirectory(directory, id));
      const blob = own && (await findFile(own, `${slot.slot}.bytes`));
      if (!slot || !blob) return undefined;
      const bytes = new Uint8Array(await blob.arrayBuffer());
      if (bytes.byteLength === slot.sizeBytes && (await sha256Of([bytes])) === slot.sha256)
        return { head: slot.head, bytes };
      throw new StudioError('library/integrity', 'What this browser kept is not what was written. Delete it.', { id });
    },
    write: (id, head, bytes) => exclusively(id, () => replace(id, head, bytes)),
    remove: (id) => exclusively(id, () => removeIfThere(directory, id)),
  };
}

/** Undefined for a head that is absent, was cut in the middle of a write, or is of another shape. */
async function readSlot<Head>(
  own: CacheDirectory,
  slot: Slot,
  isHead: (value: unknown) => value is Head,
): Promise<SlotHead<Head> | undefined> {
  const text = await (await findFile(own, `${slot}.json`))?.text();
  let value: Partial<Record<keyof SlotHead<Head>, unknown>> | null;
  try {
    value = JSON.parse(text || 'null') as typeof value;
  } catch {
    return undefined; // torn: the other slot is the whole one
  }
  const numbers = [value?.sequence, value?.sizeBytes, value?.storedAtMs];
  if (!value || !numbers.every(Number.isFinite) || typeof value.sha256 !== 'string' || !isHead(value.head))
    return undefined;
  return { ...(value as SlotHead<Head>), slot };
}

async function removeSlot(own: CacheDirectory, slot: Slot): Promise<void> {
  for (const end of ['json', 'bytes']) await removeIfThere(own, `${slot}.${end}`);
}

async function writeFile(own: CacheDirectory, name: string, bytes: Uint8Array): Promise<void> {
  try {
    const file = (await own.getFileHandle(name, { create: true })) as RecordFile;
    const handle = await file.createSyncAccessHandle();
    try {
      handle.truncate(0);
      const written = handle.write(bytes, { at: 0 });
      if (written < bytes.byteLength) throw quotaError(bytes.byteLength, written);
      handle.flush();
    } finally {
      handle.close();
    }
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'QuotaExceededError')
      throw quotaError(bytes.byteLength, undefined, cause);
    throw cause;
  }
}

function quotaError(neededBytes: number, roomBytes?: number, cause?: unknown): StudioError {
  const room = roomBytes === undefined ? '' : ` of which ${megabytes(Math.max(0, roomBytes))} are free`;
  return new StudioError(
    'library/quota',
    `There is no room in this browser for ${megabytes(neededBytes)} more${room}.`,
    { neededBytes },
    { cause },
  );
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

/** One writer a record over all tabs, where the browser has locks. */
function exclusively<T>(id: string, work: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks as LockManager | undefined;
  return locks ? (locks.request(`vdmini-record ${id}`, work) as Promise<T>) : work();
}
