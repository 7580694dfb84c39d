/**
 * A folder on a plain static file server: cannot be listed, files are fetched whole with progress by bytes. Not a
 * cache: see `cachedFolder`.
 */
import { StudioError } from '../errors/StudioError';
import { blobSource } from '../onnx/blobSource';
import type { Folder, FolderReference } from './Folder';
import type { Bytes, Fetcher } from './fetchFile';
import { bodyLength, chunksOf, exists, isMissing, request } from './fetchFile';
import { baseName, normalisePath } from './paths';

export type UrlReference = Extract<FolderReference, { kind: 'url' }>;

/** Throws `library/fetch-failed` for an address that is none. Takes the page's own `fetch` unless another is given. */
export function urlFolder(reference: UrlReference, fetcher: Fetcher = fetch): Folder {
  const { paths, urlOf } = urlLayout(reference.url);
  return {
    name: reference.name,
    paths,
    has: async (path) => exists(fetcher, urlOf(path), path),
    open: async (path, options) => {
      const response = await request(fetcher, urlOf(path), { signal: options?.signal });
      if (isMissing(response, path)) throw await notThere(response, path, reference.url);
      const totalBytes = bodyLength(response) ?? 0;
      const chunks: Bytes[] = [];
      let loadedBytes = 0;
      options?.onProgress?.(0, totalBytes);
      for await (const chunk of chunksOf(response, options?.signal)) {
        chunks.push(chunk);
        loadedBytes += chunk.byteLength;
        options?.onProgress?.(loadedBytes, totalBytes && Math.max(totalBytes, loadedBytes));
      }
      return blobSource(new Blob(chunks));
    },
  };
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
