/**
 * A folder on a plain static file server: cannot be listed, files are fetched whole with progress by bytes. Files that
 * are known beforehand are all asked for at once. Not a cache: see `modelCache`.
 */
import { StudioError } from '../errors/StudioError';
import type { ByteSource } from '../onnx/ByteSource';
import { blobSource } from '../onnx/blobSource';
import { joinedBytes } from '../onnx/joinedBytes';
import { memorySource } from '../onnx/memorySource';
import type { Folder, FolderReference } from './Folder';
import type { Bytes, Fetcher, OpenOptions } from './fetchFile';
import { bodyLength, chunksOf, exists, isMissing, request } from './fetchFile';
import { baseName, normalisePath } from './paths';

export type UrlReference = Extract<FolderReference, { kind: 'url' }>;

export interface UrlFolderOptions {
  /** Ends what was asked for beforehand. */
  readonly signal?: AbortSignal | undefined;
  /** The page's own `fetch` unless another is given. */
  readonly fetcher?: Fetcher;
}

/** Throws `library/fetch-failed` for an address that is none. */
export function urlFolder(reference: UrlReference, { signal, fetcher = fetch }: UrlFolderOptions = {}): Folder {
  const { paths, urlOf } = urlLayout(reference.url);
  const load = (path: string, options: OpenOptions) => loadFile(fetcher, urlOf(path), path, reference.url, options);
  /** What is on its way and not taken yet. */
  const ahead = new Map(
    (reference.files ?? []).map((path) => [path, askAhead((options) => load(path, options), signal)]),
  );
  const known = new Set(reference.files);
  return {
    name: reference.name,
    paths,
    has: async (path) => known.has(normalisePath(path)) || exists(fetcher, urlOf(path), path),
    open: async (path, options) => {
      const name = normalisePath(path);
      const coming = ahead.get(name);
      ahead.delete(name);
      return coming ? coming(options) : load(path, options);
    },
  };
}

/** Starts now; who takes it later hears of the progress from there on. */
function askAhead(load: (options: OpenOptions) => Promise<ByteSource>, signal: AbortSignal | undefined) {
  let last: readonly [number, number] = [0, 0];
  let listener: ((loadedBytes: number, totalBytes: number) => void) | undefined;
  const coming = load({
    ...(signal ? { signal } : {}),
    onProgress: (...now) => {
      last = now;
      listener?.(...now);
    },
  });
  coming.catch(() => undefined); // told to who takes it
  return (options: OpenOptions): Promise<ByteSource> => {
    listener = options?.onProgress;
    listener?.(...last);
    return coming;
  };
}

/** A graph comes into memory, as it is read whole; anything else becomes a Blob, which may lie elsewhere. */
async function loadFile(
  fetcher: Fetcher,
  url: string,
  path: string,
  folderUrl: string,
  options: OpenOptions,
): Promise<ByteSource> {
  const response = await request(fetcher, url, { signal: options?.signal });
  if (isMissing(response, path)) throw await notThere(response, path, folderUrl);
  const totalBytes = bodyLength(response) ?? 0;
  const chunks: Bytes[] = [];
  let loadedBytes = 0;
  options?.onProgress?.(0, totalBytes);
  for await (const chunk of chunksOf(response, options?.signal)) {
    chunks.push(chunk);
    loadedBytes += chunk.byteLength;
    options?.onProgress?.(loadedBytes, totalBytes && Math.max(totalBytes, loadedBytes));
  }
  return path.endsWith('.onnx') ? memorySource(joinedBytes(chunks, loadedBytes)) : blobSource(new Blob(chunks));
}

/** Drops the body and returns the `library/missing-file` to throw. */
export async function notThere(response: Response, path: string, folderUrl: string): Promise<StudioError> {
  await response.body?.cancel();
  return new StudioError('library/missing-file', `${path} is not at ${folderUrl}.`, { path, folder: folderUrl });
}

export interface UrlLayout {
  /** The one file's name where the address ends in `.onnx`, else null. */
  readonly paths: readonly string[] | null;
  /** The address of a path; keeps the folder's query. Throws `onnx/unsafe-location`. */
  urlOf(path: string): string;
}

/** An address of a folder, or of one .onnx file whose neighbours may be weights. Throws `library/fetch-failed`. */
export function urlLayout(address: string): UrlLayout {
  if (!URL.canParse(address))
    throw new StudioError('library/fetch-failed', `"${address}" is no address: a whole one starts with https://.`, {
      url: address,
    });
  const base = new URL(address);
  const target = base.pathname;
  const isFile = target.endsWith('.onnx');
  if (isFile) base.pathname = target.slice(0, target.lastIndexOf('/') + 1);
  else if (!target.endsWith('/')) base.pathname += '/';
  return {
    paths: isFile ? [decodeURIComponent(baseName(target))] : null,
    urlOf: (path) => {
      const url = new URL(base);
      url.pathname += normalisePath(path).split('/').map(encodeURIComponent).join('/');
      return url.href;
    },
  };
}
