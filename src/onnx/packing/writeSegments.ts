/** Streams planned segments into a sink: two chunks in memory, the next read running while the sink writes. */
import { OpenSources } from './openSources';
import type { Segment } from './planSegments';

export interface WriteOptions {
  readonly signal?: AbortSignal;
  /** Of one chunk at most; 1 MiB unless told otherwise. */
  readonly chunkBytes?: number;
}

/** Small enough to stay in a processor's cache between reading and writing. */
const DEFAULT_CHUNK_BYTES = 2 ** 20;

/** A piece of one chunk: zeros where there is no segment. */
interface Piece {
  readonly segment?: Segment;
  /** From the start of the segment. */
  readonly startBytes: number;
  readonly lengthBytes: number;
}

/** Throws the signal's reason when aborted. The sink gets chunks in order; each is overwritten once its promise is fulfilled. */
export async function writeSegments(
  segments: readonly Segment[],
  sizeBytes: number,
  sink: (chunk: Uint8Array) => Promise<void>,
  options: WriteOptions = {},
): Promise<void> {
  const { signal, chunkBytes = DEFAULT_CHUNK_BYTES } = options;
  signal?.throwIfAborted();
  const chunkMemory = () => new Uint8Array(Math.min(chunkBytes, sizeBytes));
  const [even, odd] = [chunkMemory(), chunkMemory()];
  const sources = new OpenSources();
  const chunks = chunkPlans(segments, chunkBytes);
  const start = (index: number): Promise<Uint8Array> | undefined => {
    const { value } = chunks.next();
    const chunk = value && readChunk(value, sources, index % 2 === 0 ? even : odd);
    chunk?.catch(() => {}); // it is awaited below, unless the sink fails first
    return chunk;
  };
  let next = start(0);
  try {
    for (let index = 1; next; index++) {
      const chunk: Uint8Array = await next;
      signal?.throwIfAborted();
      next = start(index);
      await sink(chunk);
    }
    signal?.throwIfAborted();
  } finally {
    await next?.catch(() => {}); // nothing reads when the sources are closed
    await sources.close();
  }
}

/** The pieces of each chunk, padding between segments included. Chunks are full but for the last. */
function* chunkPlans(segments: readonly Segment[], chunkBytes: number): Generator<readonly Piece[], undefined> {
  let pieces: Piece[] = [];
  let filled = 0;
  let position = 0;
  for (const segment of segments) {
    for (const part of [
      { lengthBytes: segment.offsetBytes - position },
      { segment, lengthBytes: segment.lengthBytes },
    ]) {
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
async function readChunk(pieces: readonly Piece[], sources: OpenSources, memory: Uint8Array): Promise<Uint8Array> {
  let position = 0;
  for (const { segment, startBytes, lengthBytes } of pieces) {
    const target = memory.subarray(position, position + lengthBytes);
    if (!segment) target.fill(0);
    else if ('bytes' in segment.from) target.set(segment.from.bytes.subarray(startBytes, startBytes + lengthBytes));
    else await sources.readInto(segment.from.source, segment.from.offsetBytes + startBytes, target);
    position += lengthBytes;
  }
  return memory.subarray(0, position);
}
