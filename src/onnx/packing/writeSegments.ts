/** Streams planned segments into a sink: two chunks in memory, the next read running while the sink writes. */
import type { Segment } from './planSegments';

export interface WriteOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (writtenBytes: number, totalBytes: number) => void;
}

/** Bytes of one chunk at most. Small enough to stay in a processor's cache between reading and writing. */
export const chunkBytes = 2 ** 20;

/** A piece of one chunk: zeros where there is no segment. */
interface Piece {
  readonly segment?: Segment;
  /** From the start of the segment. */
  readonly startBytes: number;
  readonly lengthBytes: number;
}

/** Throws the signal's reason when aborted. The sink gets chunks in order; each is overwritten once its promise is fulfilled. */
export async function writeSegments(segments: readonly Segment[], sizeBytes: number, sink: (chunk: Uint8Array) => Promise<void>, options: WriteOptions = {}): Promise<void> {
  const { signal, onProgress } = options;
  let writtenBytes = 0;
  let [current, other] = [new Uint8Array(Math.min(chunkBytes, sizeBytes)), new Uint8Array(Math.min(chunkBytes, sizeBytes))];
  const chunks = chunkPlans(segments);
  const start = (memory: Uint8Array): Promise<Uint8Array> | undefined => {
    const { value } = chunks.next();
    const chunk = value && readChunk(value, memory);
    chunk?.catch(() => {}); // it is awaited below, unless the sink fails first
    return chunk;
  };
  signal?.throwIfAborted();
  for (let next = start(current); next; ) {
    const chunk = await next;
    signal?.throwIfAborted();
    [current, other] = [other, current];
    next = start(current);
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

/** Fills the front of `memory`. */
async function readChunk(pieces: readonly Piece[], memory: Uint8Array): Promise<Uint8Array> {
  let position = 0;
  for (const piece of pieces) {
    const target = memory.subarray(position, position + piece.lengthBytes);
    if (piece.segment) await readPiece(piece.segment, piece.startBytes, target);
    else target.fill(0);
    position += piece.lengthBytes;
  }
  return memory.subarray(0, position);
}

async function readPiece({ from }: Segment, startBytes: number, target: Uint8Array): Promise<void> {
  if ('bytes' in from) target.set(from.bytes.subarray(startBytes, startBytes + target.length));
  else if (from.source.readInto) await from.source.readInto(from.offsetBytes + startBytes, target);
  else target.set(await from.source.read(from.offsetBytes + startBytes, target.length));
}
