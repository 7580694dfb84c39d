/**
 * Models from the web, kept in the origin private file system: a folder that reads through to the network once,
 * and a list of what is kept, with sizes, that can be checked and deleted. A kept file is never looked up again:
 * to take a newer version, delete the model. Works in a worker and on the page.
 */
import { StudioError } from '../errors/StudioError';
import { blobSource } from '../onnx/blobSource';
import { downloadFile, hashStored, readEntry, storedBlob, wholeFile } from './cachedFile';
import type { CacheDirectory, StorageSpace } from './cacheStorage';
import { findDirectory, namesIn, readRecord, removeIfThere, writeRecord } from './cacheStorage';
import type { Folder } from './Folder';
import type { Fetcher } from './fetchFile';
import { exists } from './fetchFile';
import { sha256Hex } from './sha256';
import type { UrlReference } from './urlFolder';
import { urlLayout } from './urlFolder';

export interface KeptFile {
  readonly path: string;
  readonly storedBytes: number;
  /** 0: unknown. */
  readonly totalBytes: number;
  /** Present once the file is whole. */
  readonly sha256?: string | undefined;
}

export interface KeptModel {
  /** Names the model to `remove` and `verify`. */
  readonly id: string;
  readonly url: string;
  readonly name: string;
  readonly storedBytes: number;
  readonly files: readonly KeptFile[];
}

export interface ModelCache {
  /** Files come from the cache where they are whole, else from the network and into the cache. */
  folder(reference: UrlReference, options?: { hashes?: Readonly<Record<string, string>> }): Folder;
  list(): Promise<readonly KeptModel[]>;
  /** No error when it is not kept. */
  remove(id: string): Promise<void>;
  /** Reads every whole file again; throws `library/integrity` naming the first that does not match its hash. `onProgress`: bytes read. */
  verify(id: string, onProgress?: (readBytes: number) => void): Promise<void>;
  /** What there is room for; undefined where the browser does not say. */
  space(): Promise<StorageSpace | undefined>;
}

export interface ModelCacheParts {
  readonly directory: CacheDirectory;
  readonly space: () => Promise<StorageSpace | undefined>;
  readonly fetcher?: Fetcher;
  /** 32 MiB unless told otherwise. */
  readonly segmentBytes?: number;
}

interface ModelRecord {
  readonly url: string;
  readonly name: string;
  /** Paths that the server did not have; believed when it cannot be asked, so that a kept model opens without it. */
  readonly absent?: readonly string[];
}

const MODEL = 'model.json';

const readModelRecord = (model: CacheDirectory): Promise<ModelRecord | undefined> =>
  readRecord<ModelRecord>(model, MODEL, { url: 'string', name: 'string', absent: 'strings?' });

const DIRECTORY = 'models';

/** The cache of this origin; undefined where the browser has no origin private file system. */
export async function openModelCache(): Promise<ModelCache | undefined> {
  const storage = globalThis.navigator?.storage;
  if (typeof storage?.getDirectory !== 'function') return undefined;
  const root = await storage.getDirectory();
  const directory = await root.getDirectoryHandle(DIRECTORY, { create: true });
  return createModelCache({ directory: directory as unknown as CacheDirectory, space: storageSpace });
}

export async function storageSpace(): Promise<StorageSpace | undefined> {
  const { usage, quota } = (await globalThis.navigator?.storage?.estimate?.()) ?? {};
  return usage === undefined || quota === undefined ? undefined : { usedBytes: usage, quotaBytes: quota };
}

/** Whether the browser keeps this page's files until they are deleted. */
export async function isPersistent(): Promise<boolean> {
  return (await globalThis.navigator?.storage?.persisted?.()) ?? false;
}

/**
 * Asks that the browser does not clear the cache by itself. Only the page can ask, a worker cannot: there, and in
 * browsers without the request, it says whether the origin is persistent already.
 */
export async function askForPersistence(): Promise<boolean> {
  const storage: (StorageManager & { persist?(): Promise<boolean> }) | undefined = globalThis.navigator?.storage;
  return typeof storage?.persist === 'function' ? storage.persist() : isPersistent();
}

export function createModelCache({
  directory,
  space,
  fetcher = fetch,
  segmentBytes = 32 * 2 ** 20,
}: ModelCacheParts): ModelCache {
  const folder: ModelCache['folder'] = (reference, { hashes } = {}) => {
    const { paths, urlOf } = urlLayout(reference.url);
    const id = idOf(reference.url);
    const absent = new Set<string>();
    const fileDirectory = async (path: string) => {
      const model = await directory.getDirectoryHandle(id, { create: true });
      if (!(await readModelRecord(model)))
        await writeRecord(model, MODEL, {
          url: reference.url,
          name: reference.name,
          absent: [...absent],
        } satisfies ModelRecord);
      return model.getDirectoryHandle(idOf(urlOf(path)), { create: true });
    };
    const kept = async (path: string) => {
      const model = await findDirectory(directory, id);
      const file = model && (await findDirectory(model, idOf(urlOf(path))));
      return file && wholeFile(file, hashes?.[path]);
    };
    const onServer = async (path: string): Promise<boolean> => {
      const model = await findDirectory(directory, id);
      const record = model && (await readModelRecord(model));
      const known = record?.absent ?? [];
      try {
        if (await exists(fetcher, urlOf(path), path)) return true;
      } catch (error) {
        if (known.includes(path)) return false;
        throw error;
      }
      absent.add(path);
      if (model && record && !known.includes(path))
        await writeRecord(model, MODEL, {
          ...record,
          absent: [...new Set([...known, ...absent])],
        } satisfies ModelRecord);
      return false;
    };
    return {
      name: reference.name,
      paths,
      has: async (path) => (await kept(path)) !== undefined || onServer(path),
      open: (path, options) =>
        exclusively(urlOf(path), async () => {
          const whole = await kept(path);
          options?.onProgress?.(whole?.size ?? 0, whole?.size ?? 0);
          if (whole) return blobSource(whole);
          const target = await fileDirectory(path);
          const download = {
            directory: target,
            path,
            url: urlOf(path),
            folderUrl: reference.url,
            fetcher,
            expectedSha256: hashes?.[path],
            space,
            segmentBytes,
            options,
          };
          return blobSource(
            await downloadFile(download).catch((error: unknown) =>
              discardEmpty(directory, id, idOf(urlOf(path)), error),
            ),
          );
        }),
    };
  };
  return {
    folder,
    space,
    list: async () =>
      (await Promise.all((await namesIn(directory)).map((id) => describeModel(directory, id)))).filter(
        (model) => model !== undefined,
      ),
    remove: (id) => removeIfThere(directory, id),
    verify: (id, onProgress) => verifyModel(directory, id, onProgress),
  };
}

/** A name for an address that every file system takes. */
function idOf(url: string): string {
  return sha256Hex(new TextEncoder().encode(url)).slice(0, 32);
}

/** One writer per file over all tabs, where the browser has locks. */
function exclusively<T>(url: string, work: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks as LockManager | undefined;
  return locks ? (locks.request(`vdmini-model-cache ${url}`, work) as Promise<T>) : work();
}

/** A failed download that stored nothing leaves no trace in the list. Always throws `error`. */
async function discardEmpty(
  directory: CacheDirectory,
  modelId: string,
  fileId: string,
  error: unknown,
): Promise<never> {
  const model = await directory.getDirectoryHandle(modelId);
  const file = await findDirectory(model, fileId);
  if (file && (await storedBlob(file)).size === 0) await removeIfThere(model, fileId);
  if ((await namesIn(model)).every((name) => name === MODEL)) await removeIfThere(directory, modelId);
  throw error;
}

async function fileIds(model: CacheDirectory): Promise<string[]> {
  return (await namesIn(model)).filter((name) => name !== MODEL);
}

async function describeModel(directory: CacheDirectory, id: string): Promise<KeptModel | undefined> {
  const model = await findDirectory(directory, id);
  const record = model && (await readModelRecord(model));
  if (!record) return undefined;
  const files: KeptFile[] = [];
  for (const fileId of await fileIds(model)) {
    const file = await model.getDirectoryHandle(fileId);
    const entry = await readEntry(file);
    if (entry)
      files.push({
        path: entry.path,
        totalBytes: entry.totalBytes,
        sha256: entry.sha256,
        storedBytes: (await storedBlob(file)).size,
      });
  }
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    id,
    url: record.url,
    name: record.name,
    files,
    storedBytes: files.reduce((sum, file) => sum + file.storedBytes, 0),
  };
}

/** Small enough that the page stays smooth while a model is checked. */
const VERIFY_STEP_BYTES = 4 * 2 ** 20;

async function verifyModel(
  directory: CacheDirectory,
  id: string,
  onProgress?: (readBytes: number) => void,
): Promise<void> {
  const model = await findDirectory(directory, id);
  if (!model) return;
  let readBytes = 0;
  for (const fileId of await fileIds(model)) {
    const file = await model.getDirectoryHandle(fileId);
    const entry = await readEntry(file);
    if (!entry?.sha256) continue;
    const found = await hashStored(file, VERIFY_STEP_BYTES, (bytes) => onProgress?.((readBytes += bytes)));
    if (found === entry.sha256) continue;
    throw new StudioError(
      'library/integrity',
      `${entry.path} in the cache is not what was downloaded: delete the model and load it again.`,
      {
        path: entry.path,
        url: entry.url,
        expected: entry.sha256,
        found,
      },
    );
  }
}
