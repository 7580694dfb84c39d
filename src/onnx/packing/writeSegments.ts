/** Streams planned segments into a sink: bounded memory, the next read running while the sink writes. */
import type { Segment } from './planSegments';

export interface WriteOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (writtenBytes: number, totalBytes: number) => void;
}

/** Bytes of one chunk at most. */
export const chunkBytes = 4 * 2 ** 20;

/** A piece of one chunk: zeros where there is no segment. */
interface Piece {
  readonly segment?: Segment;
  /** From the start of the segment. */
  readonly startBytes: number;
  readonly lengthBytes: number;
}

/** Throws the signal's reason when aborted. The sink gets chunks in order and owns them. */
export async function writeSegments(segments: readonly Segment[], sizeBytes: number, sink: (chunk: Uint8Array) => Promise<void>, options: WriteOptions = {}): Promise<void> {
  const { signal, onProgress } = options;
  let writtenBytes = 0;
  let next: Promise<Uint8Array> | undefined;
  const chunks = chunkPlans(segments);
  const start = (): Promise<Uint8Array> | undefined => {
    const { value } = chunks.next();
    const chunk = value && readChunk(value);
    chunk?.catch(() => {}); // it is awaited below, unless the sink fails first
    return chunk;
  };
  signal?.throwIfAborted();
  for (next = start(); next; ) {
    const chunk = await next;
    signal?.throwIfAborted();
    next = start();
    await sink(chunk);
    writtenBytes += chunk.length;
    onProgress?.(writtenBytes, sizeBytes);
  }
  signal?.throwIfAborted();
}

/** The pieces of each chunk, padding between segments included. Chunks are full but for the last. */
function* chunkPlans(segments: readonly Segment[]): Generator<readonly Piece[], undefined> {
  let pieces: Piece[] = [];
  let filled = 0;
  let position = 0;
  for (const segment of segments) {
    for (const part of [{ lengthBytes: segment.offsetBytes - position }, { segment, lengthBytes: segment.lengthBytes }]) {
      for (let startBytes = 0; startBytes < part.lengthBytes; ) {
        const lengthBytes = Math.min(part.lengthBytes - startBytes, chunkBytes - filled);
        pieces.push({ ...part, startBytes, lengthBytes });
        startBytes += lengthBytes;
        filled += lengthBytes;
        if (filled === chunkBytes) {
          yield pieces;
          pieces = [];
          filled = 0;
        }
      }
    }
    position = segment.offsetBytes + segment.lengthBytes;
  }
  if (filled > 0) yield pieces;
  return undefined;
}

async function readChunk(pieces: readonly Piece[]): Promise<Uint8Array> {
  const [only] = pieces;
  if (pieces.length === 1 && only!.segment && 'source' in only!.segment.from) return readPiece(only!);
  const chunk = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.lengthBytes, 0));
  let position = 0;
  for (const piece of pieces) {
    if (piece.segment) chunk.set(await readPiece(piece), position);
    position += piece.lengthBytes;
  }
  return chunk;
}

async function readPiece({ segment, startBytes, lengthBytes }: Piece): Promise<Uint8Array> {
  const { from } = segment!;
  return 'bytes' in from ? from.bytes.subarray(startBytes, startBytes + lengthBytes) : from.source.read(from.offsetBytes + startBytes, lengthBytes);
}
