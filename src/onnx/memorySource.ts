/** Bytes in memory as a byte source. */
import type { ByteSource } from './ByteSource';
import { checkRange } from './byteRange';

/** Reads copy: the caller may keep or transfer what it gets. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: bytes.length,
    bytes,
    read: async (offsetBytes, lengthBytes) => {
      checkRange(offsetBytes, lengthBytes, bytes.length);
      return bytes.slice(offsetBytes, offsetBytes + lengthBytes);
    },
  };
}
