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

/** Of a file that was written to or removed since it was picked, browsers tell by two DOMExceptions, and a stream of it by a TypeError. */
async function unchanged<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (cause) {
    if (!(cause instanceof Error) || !['NotReadableError', 'NotFoundError', 'TypeError'].includes(cause.name))
      throw cause;
    throw new StudioError(
      'onnx/file-changed',
      'A file was changed, moved or deleted since it was opened.',
      {},
      { cause },
    );
  }
}

/** What lies between two ranges is read and dropped up to here; beyond, a new stream is quicker. */
const LONGEST_SKIP_BYTES = 2 ** 20;

/**
 * One stream for many ranges: a Blob's slices each cost a round trip between the browser's processes. Not in `byob`
 * mode: there a read that nothing but its own promise refers to is collected as garbage, and never ends (Chromium 156).
 */
function streamReader(blob: Blob): SequentialReader {
  let stream: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** Arrived and not taken yet; it ends at `position`. */
  let pending = new Uint8Array(0);
  let position = 0;
  const start = async (offsetBytes: number) => {
    await stream?.cancel();
    stream = blob.slice(offsetBytes).stream().getReader();
    pending = new Uint8Array(0);
    position = offsetBytes;
  };
  const take = async (most: number): Promise<Uint8Array> => {
    if (pending.length === 0) {
      if (!stream) throw new StudioError('internal', 'A stream was read before it was started.');
      const { value } = await unchanged(stream.read());
      if (value === undefined)
        throw new StudioError('onnx/truncated', 'A weights file became shorter while it was read.');
      pending = value as Uint8Array<ArrayBuffer>;
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
    close: async () => void (await stream?.cancel().catch(() => undefined)), // one that failed has told so already
  };
}
