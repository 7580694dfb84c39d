/** A Blob or File as a byte source: a range is read from disk when asked for. */
import type { ByteSource } from './ByteSource';
import { checkRange } from './byteRange';

export function blobSource(blob: Blob): ByteSource {
  return {
    sizeBytes: blob.size,
    blob,
    read: async (offsetBytes, lengthBytes) => {
      checkRange(offsetBytes, lengthBytes, blob.size);
      return new Uint8Array(await blob.slice(offsetBytes, offsetBytes + lengthBytes).arrayBuffer());
    },
  };
}
