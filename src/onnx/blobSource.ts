/** A Blob or File as a byte source: a range is read from disk when asked for. */
import { StudioError } from '../errors/StudioError';
import type { ByteSource, SequentialReader } from './ByteSource';
import { checkRange } from './byteRange';

/** Reading throws `onnx/file-changed` where the file behind the Blob is not what it was. */
export function blobSource(blob: Blob): ByteSource {
  return {
    sizeBytes: blob.size,
    blob,
    read: async (offsetBytes, lengthBytes) => {
      checkRange(offsetBytes, lengthBytes, blob.size);
      return new Uint8Array(await unchanged(blob.slice(offsetBytes, offsetBytes + lengthBytes).arrayBuffer()));
    },
    openReader: () => streamReader(blob),
  };
}

/** Browsers tell a file that was written to or removed since it was picked by a DOMException of two names. */
async function unchanged<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (cause) {
    if (!(cause instanceof DOMException) || !['NotReadableError', 'NotFoundError'].includes(cause.name)) throw cause;
    throw new StudioError('onnx/file-changed', 'A file was changed, moved or deleted since it was opened.', {}, { cause });
  }
}

/** What lies between two ranges is read and dropped up to here; beyond, a new stream is quicker. */
const LONGEST_SKIP_BYTES = 2 ** 20;

/** One stream for many ranges: a Blob's slices each cost a round trip between the browser's processes. */
function streamReader(blob: Blob): SequentialReader {
  let stream: ChunkReader | undefined;
  /** Arrived and not taken yet; it ends at `position`. */
  let pending = new Uint8Array(0);
  let position = 0;
  const start = async (offsetBytes: number) => {
    await stream?.cancel();
    stream = chunkReader(blob.slice(offsetBytes).stream());
    pending = new Uint8Array(0);
    position = offsetBytes;
  };
  const take = async (most: number): Promise<Uint8Array> => {
    if (pending.length === 0) {
      const chunk = await unchanged(stream!.next());
      if (chunk === undefined) throw new StudioError('onnx/truncated', 'A weights file became shorter while it was read.');
      pending = chunk;
    }
    const taken = pending.subarray(0, most);
    pending = pending.subarray(taken.length);
    position += taken.length;
    return taken;
  };
  return {
    readInto: async (offsetBytes, target) => {
      checkRange(offsetBytes, target.length, blob.size);
      const skip = offsetBytes - position;
      if (stream === undefined || skip < 0 || skip > LONGEST_SKIP_BYTES) await start(offsetBytes);
      while (position < offsetBytes) await take(offsetBytes - position);
      for (let filled = 0; filled < target.length; ) {
        const taken = await take(target.length - filled);
        target.set(taken, filled);
        filled += taken.length;
      }
    },
    close: async () => void (await stream?.cancel()),
  };
}

type Chunk = Uint8Array<ArrayBuffer>;

interface ChunkReader {
  /** Undefined at the end. A chunk's memory is the reader's again at the next call. */
  next(): Promise<Chunk | undefined>;
  cancel(): Promise<void>;
}

/** How much one read brings at most: a default reader's chunks are 64 KiB, each with its own round trip. */
const CHUNK_BYTES = 2 ** 20;

/** Reads into one buffer again and again where the stream can (Chromium, Node, Firefox), else chunk by chunk. */
function chunkReader(stream: ReadableStream<Chunk>): ChunkReader {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = stream.getReader({ mode: 'byob' });
  } catch {
    const plain = stream.getReader();
    return { next: async () => (await plain.read()).value, cancel: () => plain.cancel() };
  }
  let memory = new ArrayBuffer(CHUNK_BYTES);
  return {
    next: async () => {
      const { value, done } = await reader.read(new Uint8Array(memory));
      if (value === undefined || done) return undefined;
      memory = value.buffer;
      return value;
    },
    cancel: () => reader.cancel(),
  };
}
