/**
 * One file from a plain static server: the request with typed errors, whether it is there at all, and its body as
 * chunks with progress. A server that answers missing paths with its index page is seen through.
 */
import { StudioError } from '../errors/StudioError';
import type { Folder } from './Folder';

export type Fetcher = typeof fetch;
export type OpenOptions = Parameters<Folder['open']>[1];
export type Bytes = Uint8Array<ArrayBuffer>;

/** Statuses that say "not here" or "not this method"; the caller tells them apart. */
const ANSWERS = [404, 405, 410, 416, 501];

/** A dead network, a refused origin and a server's error all become `library/fetch-failed`. */
export async function request(fetcher: Fetcher, url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetcher(url, init);
  } catch (cause) {
    if (init.signal?.aborted) throw abortError();
    throw new StudioError(
      'library/fetch-failed',
      `${url} could not be fetched (no connection, or the server does not allow this page).`,
      { url },
      { cause },
    );
  }
  if (response.ok || ANSWERS.includes(response.status)) return response;
  await response.body?.cancel();
  throw new StudioError('library/fetch-failed', `${url} answered ${response.status} ${response.statusText}.`, {
    url,
    status: response.status,
  });
}

/** Not there, or an HTML page where none was asked for: what single-page servers answer for paths they do not have. */
export function isMissing(response: Response, path: string): boolean {
  if (!response.ok) return true;
  return (response.headers.get('content-type') ?? '').startsWith('text/html') && !path.endsWith('.html');
}

/** By HEAD; servers that do not know HEAD are asked with GET, and the body is left alone. */
export async function exists(fetcher: Fetcher, url: string, path: string): Promise<boolean> {
  let response = await request(fetcher, url, { method: 'HEAD' });
  if (response.status === 405 || response.status === 501) {
    response = await request(fetcher, url, { method: 'GET' });
    await response.body?.cancel();
  }
  return !isMissing(response, path);
}

/** Bytes that the body will hold; undefined where the length is not given or counts compressed bytes. */
export function bodyLength(response: Response): number | undefined {
  const length = response.headers.get('content-length');
  return length === null || response.headers.has('content-encoding') ? undefined : Number(length);
}

/**
 * The body in chunks. Throws `library/fetch-failed` when the connection breaks or the body ends early, and an
 * AbortError when the signal is aborted.
 */
export async function* chunksOf(
  response: Response,
  signal: AbortSignal | undefined,
): AsyncGenerator<Bytes, void, void> {
  const expected = bodyLength(response);
  const reader = response.body?.getReader();
  let loadedBytes = 0;
  try {
    for (;;) {
      const chunk = reader ? await read(reader, response.url, signal) : undefined;
      if (!chunk) break;
      loadedBytes += chunk.byteLength;
      yield chunk;
    }
  } finally {
    await reader?.cancel().catch(() => undefined);
  }
  // More than the length is no fault: across origins a compressed body hides its encoding but not its length.
  if (expected !== undefined && loadedBytes < expected) {
    throw new StudioError('library/fetch-failed', `${response.url}: ${loadedBytes} of ${expected} bytes came.`, {
      url: response.url,
      loadedBytes,
      totalBytes: expected,
    });
  }
}

async function read(
  reader: ReadableStreamDefaultReader<Bytes>,
  url: string,
  signal: AbortSignal | undefined,
): Promise<Bytes | undefined> {
  if (signal?.aborted) throw abortError();
  try {
    return (await reader.read()).value;
  } catch (cause) {
    if (signal?.aborted) throw abortError();
    throw new StudioError('library/fetch-failed', `The connection broke while reading ${url}.`, { url }, { cause });
  }
}

function abortError(): DOMException {
  return new DOMException('The download was cancelled.', 'AbortError');
}
