/**
 * One file of the cache: an entry record and segments of a fixed size, so that whatever was written before a cut
 * stays and the download goes on from there with a Range request, if the server confirms that it is the same file.
 * The whole is a Blob made of the segments; no byte is held in memory longer than one segment.
 */
import { StudioError } from '../errors/StudioError';
import type { CacheDirectory, StorageSpace } from './cacheStorage';
import { findFile, namesIn, readRecord, removeIfThere, writeBytes, writeRecord } from './cacheStorage';
import type { Bytes, Fetcher, OpenOptions } from './fetchFile';
import { bodyLength, chunksOf, isMissing, request } from './fetchFile';
import { createSha256 } from './sha256';
import { notThere } from './urlFolder';

export interface CacheEntry {
  readonly path: string;
  readonly url: string;
  /** ETag or Last-Modified: what tells a changed file from the same one. */
  readonly validator?: string | undefined;
  /** 0: unknown. */
  readonly totalBytes: number;
  /** Hex; present once the file is whole. */
  readonly sha256?: string | undefined;
}

export interface Download {
  readonly directory: CacheDirectory;
  readonly path: string;
  readonly url: string;
  readonly folderUrl: string;
  readonly fetcher: Fetcher;
  /** Hex SHA-256 that the file must have, when one was published. */
  readonly expectedSha256?: string | undefined;
  readonly space: () => Promise<StorageSpace | undefined>;
  readonly segmentBytes: number;
  readonly options?: OpenOptions;
}

const ENTRY = 'entry.json';
const SEGMENT = /^\d{6}$/;

export function readEntry(directory: CacheDirectory): Promise<CacheEntry | undefined> {
  return readRecord<CacheEntry>(directory, ENTRY, {
    path: 'string',
    url: 'string',
    validator: 'string?',
    totalBytes: 'count',
    sha256: 'string?',
  });
}

/** The bytes so far, in order. */
export async function storedBlob(directory: CacheDirectory): Promise<Blob> {
  const names = (await namesIn(directory)).filter((name) => SEGMENT.test(name));
  const parts = await Promise.all(names.map((name) => findFile(directory, name)));
  return new Blob(parts.filter((part) => part !== undefined));
}

/** The whole file from the cache, or undefined when it is not whole or was stored under another hash than expected. */
export async function wholeFile(
  directory: CacheDirectory,
  expectedSha256: string | undefined,
): Promise<Blob | undefined> {
  const entry = await readEntry(directory);
  if (!entry?.sha256 || (expectedSha256 !== undefined && entry.sha256 !== expectedSha256)) return undefined;
  const blob = await storedBlob(directory);
  return blob.size === entry.totalBytes ? blob : undefined;
}

/**
 * Downloads the file or what is missing of it. Throws `library/missing-file`, `library/fetch-failed`, `library/fetch-broken` (and keeps the bytes),
 * `library/quota` (before the first byte, where the length is known), `library/integrity` (and forgets the bytes),
 * AbortError (and keeps the bytes).
 */
export async function downloadFile(download: Download): Promise<Blob> {
  const { directory, options, segmentBytes } = download;
  const begun = await readEntry(directory);
  if (begun && begun.totalBytes > 0 && !begun.sha256 && (await storedBlob(directory)).size === begun.totalBytes) {
    return finish(download, { ...begun, sha256: await hashStored(directory, segmentBytes) });
  }
  const { response, entry, startBytes } = await openBody(download);
  await checkSpace(download, entry.totalBytes - startBytes, response);
  await writeRecord(directory, ENTRY, entry);
  const hash = createSha256();
  await feedStored(hash, directory, segmentBytes);
  let loadedBytes = startBytes;
  const report = () => options?.onProgress?.(loadedBytes, entry.totalBytes && Math.max(entry.totalBytes, loadedBytes));
  const writer = segmentWriter(directory, segmentBytes, startBytes);
  report();
  try {
    for await (const chunk of chunksOf(response, options?.signal)) {
      hash.update(chunk);
      await writer.add(chunk);
      loadedBytes += chunk.byteLength;
      report();
    }
  } catch (thrown) {
    await writer.flush();
    throw canGoOn(download, entry, loadedBytes) &&
      thrown instanceof StudioError &&
      thrown.code === 'library/fetch-failed'
      ? broken(entry, loadedBytes, thrown)
      : thrown;
  }
  await writer.flush();
  return finish(download, { ...entry, totalBytes: loadedBytes, sha256: hash.digest() });
}

/** Only with something that tells whether the file is still the same one. */
function canGoOn({ expectedSha256 }: Download, { validator }: CacheEntry, storedBytes: number): boolean {
  return storedBytes > 0 && (validator !== undefined || expectedSha256 !== undefined);
}

function broken({ path, url, totalBytes }: CacheEntry, storedBytes: number, cause: StudioError): StudioError {
  const share = totalBytes > 0 ? `${megabytes(storedBytes)} of ${megabytes(totalBytes)}` : megabytes(storedBytes);
  return new StudioError(
    'library/fetch-broken',
    `${path}: the connection broke after ${share}.`,
    { path, url, storedBytes, totalBytes },
    { cause },
  );
}

function megabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

async function finish({ directory, path, url, expectedSha256 }: Download, entry: CacheEntry): Promise<Blob> {
  if (expectedSha256 !== undefined && entry.sha256 !== expectedSha256) {
    await forget(directory);
    throw new StudioError('library/integrity', `${path} from ${url} does not have the published SHA-256.`, {
      path,
      url,
      expected: expectedSha256,
      found: entry.sha256 ?? 'none',
    });
  }
  await writeRecord(directory, ENTRY, entry);
  return storedBlob(directory);
}

interface OpenedBody {
  readonly response: Response;
  readonly entry: CacheEntry;
  readonly startBytes: number;
}

/** Asks for the rest of a file that was begun; from the start when it is another file now, or cannot be told. */
async function openBody(download: Download): Promise<OpenedBody> {
  const { directory, path, url, folderUrl, fetcher, options } = download;
  const before = await readEntry(directory);
  const stored = before ? (await storedBlob(directory)).size : 0;
  if (before && !before.sha256 && canGoOn(download, before, stored)) {
    const response = await request(fetcher, url, { signal: options?.signal, headers: { range: `bytes=${stored}-` } });
    if (response.status === 206 && continues(response, before, stored))
      return { response, entry: before, startBytes: stored };
    await response.body?.cancel();
  }
  await forget(directory);
  const response = await request(fetcher, url, { signal: options?.signal });
  if (isMissing(response, path)) throw await notThere(response, path, folderUrl);
  return {
    response,
    entry: { path, url, validator: validatorOf(response), totalBytes: bodyLength(response) ?? 0 },
    startBytes: 0,
  };
}

function validatorOf(response: Response): string | undefined {
  return response.headers.get('etag') ?? response.headers.get('last-modified') ?? undefined;
}

/** The same validator and the same total length; the length tells too where a validator is not shown. */
function continues(response: Response, before: CacheEntry, stored: number): boolean {
  const rest = bodyLength(response);
  return validatorOf(response) === before.validator && rest !== undefined && before.totalBytes === stored + rest;
}

async function checkSpace({ path, space }: Download, neededBytes: number, response: Response): Promise<void> {
  const now = await space();
  if (!now || neededBytes <= now.quotaBytes - now.usedBytes) return;
  await response.body?.cancel();
  const facts = {
    path,
    neededBytes,
    availableBytes: Math.max(0, now.quotaBytes - now.usedBytes),
    quotaBytes: now.quotaBytes,
  };
  throw new StudioError(
    'library/quota',
    `${path} needs ${megabytes(neededBytes)}; the browser leaves this page ${megabytes(facts.availableBytes)} of ${megabytes(now.quotaBytes)}.`,
    facts,
  );
}

/** Removes all segments, then the record. */
async function forget(directory: CacheDirectory): Promise<void> {
  for (const name of await namesIn(directory)) await removeIfThere(directory, name);
}

async function feedStored(
  hash: { update(bytes: Uint8Array): void },
  directory: CacheDirectory,
  stepBytes: number,
  onRead?: (bytes: number) => void,
): Promise<void> {
  const stored = await storedBlob(directory);
  for (let offset = 0; offset < stored.size; offset += stepBytes) {
    const step = new Uint8Array(await stored.slice(offset, offset + stepBytes).arrayBuffer());
    hash.update(step);
    onRead?.(step.length);
  }
}

/** Hash of what is stored, read anew from the disk; `onRead` hears of each step's bytes. */
export async function hashStored(
  directory: CacheDirectory,
  stepBytes: number,
  onRead?: (bytes: number) => void,
): Promise<string> {
  const hash = createSha256();
  await feedStored(hash, directory, stepBytes, onRead);
  return hash.digest();
}

/** Gathers chunks into segments and writes each when it is full; `flush` writes the begun one. */
function segmentWriter(
  directory: CacheDirectory,
  segmentBytes: number,
  startBytes: number,
): { add(chunk: Bytes): Promise<void>; flush(): Promise<void> } {
  let index = Math.floor(startBytes / segmentBytes);
  let writtenBytes = startBytes % segmentBytes;
  let pending: Bytes[] = [];
  let pendingBytes = 0;
  const flush = async (): Promise<void> => {
    if (pendingBytes === 0) return;
    const bytes = new Uint8Array(await new Blob(pending).arrayBuffer());
    pending = [];
    pendingBytes = 0;
    await writeBytes(directory, String(index).padStart(6, '0'), bytes, writtenBytes);
    writtenBytes += bytes.length;
  };
  const add = async (chunk: Bytes): Promise<void> => {
    for (let rest = chunk; rest.length > 0; ) {
      const part = rest.subarray(0, segmentBytes - writtenBytes - pendingBytes);
      pending.push(part);
      pendingBytes += part.length;
      rest = rest.subarray(part.length);
      if (writtenBytes + pendingBytes < segmentBytes) continue;
      await flush();
      index++;
      writtenBytes = 0;
    }
  };
  return { add, flush };
}
