/**
 * The little of the File System API that the model cache needs, as types that the origin private file system
 * satisfies, and helpers over it. Missing entries are `undefined` here, not exceptions.
 */
import { StudioError } from '../errors/StudioError';

export interface CacheWriter {
  write(data: Uint8Array<ArrayBuffer>): Promise<void>;
  seek(position: number): Promise<void>;
  close(): Promise<void>;
}

export interface CacheFile {
  getFile(): Promise<Blob>;
  createWritable(options?: { keepExistingData?: boolean }): Promise<CacheWriter>;
}

export interface CacheDirectory {
  getDirectoryHandle(name: string, options?: { create?: boolean }): Promise<CacheDirectory>;
  getFileHandle(name: string, options?: { create?: boolean }): Promise<CacheFile>;
  removeEntry(name: string, options?: { recursive?: boolean }): Promise<void>;
  keys(): AsyncIterable<string>;
}

/** What `navigator.storage` says of the space; undefined where it says nothing. */
export interface StorageSpace {
  readonly usedBytes: number;
  readonly quotaBytes: number;
}

/** For a NotFoundError, undefined; anything else passes through. */
async function found<T>(lookup: Promise<T>): Promise<T | undefined> {
  try {
    return await lookup;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotFoundError') return undefined;
    throw error;
  }
}

export function findDirectory(parent: CacheDirectory, name: string): Promise<CacheDirectory | undefined> {
  return found(parent.getDirectoryHandle(name));
}

/** The file's content, a Blob that is read when asked for; undefined where there is no such file. */
export async function findFile(directory: CacheDirectory, name: string): Promise<Blob | undefined> {
  const handle = await found(directory.getFileHandle(name));
  return handle?.getFile();
}

/** No error when it is not there. */
export async function removeIfThere(parent: CacheDirectory, name: string): Promise<void> {
  await found(parent.removeEntry(name, { recursive: true }));
}

export async function namesIn(directory: CacheDirectory): Promise<string[]> {
  const names: string[] = [];
  for await (const name of directory.keys()) names.push(name);
  return names.sort();
}

/** What a field of a record is; `?` at the end where it may be absent. */
export type FieldKind = 'string' | 'string?' | 'count' | 'strings?';

/** A JSON file with these fields; undefined where it is absent, was cut in the middle of a write, or holds anything else. */
export async function readRecord<T>(
  directory: CacheDirectory,
  name: string,
  fields: Readonly<Record<keyof T, FieldKind>>,
): Promise<T | undefined> {
  const text = await (await findFile(directory, name))?.text();
  if (!text) return undefined;
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    return undefined; // a torn record is no record: the download starts over
  }
  if (typeof record !== 'object' || record === null) return undefined;
  const good = Object.entries<FieldKind>(fields).every(([field, kind]) =>
    isOfKind((record as Readonly<Record<string, unknown>>)[field], kind),
  );
  return good ? (record as T) : undefined;
}

function isOfKind(value: unknown, kind: FieldKind): boolean {
  if (kind.endsWith('?') && value === undefined) return true;
  if (kind === 'count') return Number.isSafeInteger(value) && (value as number) >= 0;
  if (kind === 'strings?') return Array.isArray(value) && value.every((one) => typeof one === 'string');
  return typeof value === 'string';
}

export async function writeRecord(directory: CacheDirectory, name: string, record: unknown): Promise<void> {
  await writeBytes(directory, name, new TextEncoder().encode(JSON.stringify(record)), 0);
}

/** Writes at `offset`, keeping what is before it. Throws `library/quota` when the disk is full. */
export async function writeBytes(
  directory: CacheDirectory,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  offset: number,
): Promise<void> {
  try {
    const handle = await directory.getFileHandle(name, { create: true });
    const writer = await handle.createWritable({ keepExistingData: offset > 0 });
    if (offset > 0) await writer.seek(offset);
    await writer.write(bytes);
    await writer.close();
  } catch (cause) {
    if (!(cause instanceof DOMException) || cause.name !== 'QuotaExceededError') throw cause;
    throw new StudioError(
      'library/quota',
      'The browser has no more room for this page.',
      { neededBytes: bytes.byteLength },
      { cause },
    );
  }
}
