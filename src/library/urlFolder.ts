/**
 * A folder on a plain static file server: cannot be listed, files are fetched whole with progress by bytes. A
 * server that answers missing paths with its index page is seen through. Not a cache (see `modelCache`).
 */
import { StudioError } from '../errors/StudioError';
import { blobSource } from '../onnx/blobSource';
import type { Folder, FolderReference } from './Folder';
import { baseName, normalisePath } from './paths';

type UrlReference = Extract<FolderReference, { kind: 'url' }>;
type OpenOptions = Parameters<Folder['open']>[1];

/** Takes the page's own `fetch` unless another is given. */
export function urlFolder(reference: UrlReference, fetcher: typeof fetch = fetch): Folder {
  const target = new URL(reference.url);
  const isFile = target.pathname.endsWith('.onnx');
  const base = new URL(target);
  if (isFile) base.pathname = target.pathname.slice(0, target.pathname.lastIndexOf('/') + 1);
  else if (!base.pathname.endsWith('/')) base.pathname += '/';
  const urlOf = (path: string): string => {
    const url = new URL(base);
    url.pathname += normalisePath(path).split('/').map(encodeURIComponent).join('/');
    return url.href;
  };
  return {
    name: reference.name,
    paths: isFile ? [decodeURIComponent(baseName(target.pathname))] : null,
    has: async (path) => exists(fetcher, urlOf(path), path),
    open: async (path, options) => {
      const response = await request(fetcher, urlOf(path), { signal: options?.signal });
      if (isMissing(response, path)) {
        await response.body?.cancel();
        throw new StudioError('library/missing-file', `${path} is not at ${reference.url}.`, { path, folder: reference.url });
      }
      return blobSource(await download(response, path, options));
    },
  };
}

/** A dead network, a refused origin and a server's error all become `library/fetch-failed`; 404 is left to the caller. */
async function request(fetcher: typeof fetch, url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetcher(url, init);
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new StudioError('library/fetch-failed', `${url} could not be fetched (no connection, or the server does not allow this page).`, { url }, { cause });
  }
  if (response.ok || response.status === 404 || response.status === 410 || response.status === 405 || response.status === 501) return response;
  await response.body?.cancel();
  throw new StudioError('library/fetch-failed', `${url} answered ${response.status} ${response.statusText}.`, { url, status: response.status });
}

/** 404, or an HTML page where none was asked for: what single-page servers answer for paths they do not have. */
function isMissing(response: Response, path: string): boolean {
  if (!response.ok) return true;
  return (response.headers.get('content-type') ?? '').startsWith('text/html') && !path.endsWith('.html');
}

/** By HEAD; servers that do not know HEAD are asked with GET, and the body is left alone. */
async function exists(fetcher: typeof fetch, url: string, path: string): Promise<boolean> {
  let response = await request(fetcher, url, { method: 'HEAD' });
  if (response.status === 405 || response.status === 501) {
    response = await request(fetcher, url, { method: 'GET' });
    await response.body?.cancel();
  }
  return !isMissing(response, path);
}

/** Reads the body in chunks. The total is 0 (unknown) where the length is absent or counts compressed bytes. */
async function download(response: Response, path: string, options: OpenOptions): Promise<Blob> {
  const encoded = response.headers.has('content-encoding');
  const totalBytes = encoded ? 0 : Number(response.headers.get('content-length') ?? 0);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let loadedBytes = 0;
  options?.onProgress?.(0, totalBytes);
  if (response.body) {
    const reader = response.body.getReader();
    for (let next = await read(reader, response.url, options); next; next = await read(reader, response.url, options)) {
      chunks.push(next);
      loadedBytes += next.byteLength;
      options?.onProgress?.(loadedBytes, Math.max(totalBytes, totalBytes && loadedBytes));
    }
  }
  if (totalBytes > 0 && loadedBytes !== totalBytes) {
    throw new StudioError('library/fetch-failed', `${path}: ${loadedBytes} of ${totalBytes} bytes came.`, { url: response.url, loadedBytes, totalBytes });
  }
  return new Blob(chunks);
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>, url: string, options: OpenOptions): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    options?.signal?.throwIfAborted();
    return (await reader.read()).value;
  } catch (cause) {
    if (options?.signal?.aborted) throw cause;
    throw new StudioError('library/fetch-failed', `The connection broke while reading ${url}.`, { url }, { cause });
  }
}
