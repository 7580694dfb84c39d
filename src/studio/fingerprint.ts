/**
 * The name of an opened pipeline by what it computes: every graph that it runs with all its weights, and its scheduler.
 * What is kept (damages, healed weights, students, batches) is found again under it, so that a finetune with the same
 * graph and other weights beside it shares nothing. Folder, file names and the tokenizer's files are no part of it.
 */
import { sha256Of } from '../library/sha256';
import type { ByteSource } from '../onnx/ByteSource';
import type { Pipeline } from './Pipeline';

/** WebCrypto takes whole buffers: weights files are hashed in pieces of this length, and then the hashes of those. */
const PIECE_BYTES = 32 * 2 ** 20;

/**
 * 64 hex digits. Reads every weights file once, which opening a session does too. Of a pipeline that cannot run here
 * nothing is measured or healed: its weights files count by name and size alone, since they may have tens of gigabytes.
 */
export async function fingerprintOf({
  files,
  description,
  cannotRun,
}: Pick<Pipeline, 'files' | 'cannotRun'> & {
  readonly description: Pick<Pipeline['description'], 'scheduler'>;
}): Promise<string> {
  const parts: unknown[] = [description.scheduler];
  for (const { bytes, weights } of files) {
    const beside: unknown[] = [];
    for (const [location, source] of [...weights].sort(([a], [b]) => (a < b ? -1 : 1)))
      beside.push([location, source.sizeBytes, cannotRun === undefined ? await contentOf(source) : null]);
    parts.push([await hashAhead(bytes), beside]);
  }
  return sha256Of([new TextEncoder().encode(JSON.stringify(parts))]);
}

const hashes = new WeakMap<Uint8Array, Promise<string>>();

/** Begins the hash of a graph file that `fingerprintOf` will ask for: it is made beside whatever else an opening does. */
export function hashAhead(bytes: Uint8Array): Promise<string> {
  const known = hashes.get(bytes) ?? sha256Of([bytes]);
  hashes.set(bytes, known);
  known.catch(() => undefined); // told by `fingerprintOf`
  return known;
}

/** The hash of the hashes of a file's pieces. */
async function contentOf(source: ByteSource): Promise<string> {
  const hashes: string[] = [];
  const reader = source.openReader?.();
  try {
    for (let at = 0; at < source.sizeBytes; at += PIECE_BYTES) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, source.sizeBytes - at));
      if (reader) await reader.readInto(at, piece);
      hashes.push(await sha256Of([reader ? piece : await source.read(at, piece.length)]));
    }
  } finally {
    await reader?.close();
  }
  return sha256Of([new TextEncoder().encode(hashes.join())]);
}
