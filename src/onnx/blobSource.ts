/** A Blob or File as a byte source: a range is read from disk when asked for. */
import { StudioError } from '../errors/StudioError';
import type { ByteSource } from './ByteSource';

export function blobSource(blob: Blob): ByteSource {
  return {
    sizeBytes: blob.size,
    blob,
    read: async (offsetBytes, lengthBytes) => {
      if (offsetBytes < 0 || lengthBytes < 0 || offsetBytes + lengthBytes > blob.size) {
        throw new StudioError('onnx/external-data-range', `Bytes ${offsetBytes} to ${offsetBytes + lengthBytes} lie outside a file of ${blob.size} bytes.`, {
          offsetBytes, lengthBytes, sizeBytes: blob.size,
        });
      }
      return new Uint8Array(await blob.slice(offsetBytes, offsetBytes + lengthBytes).arrayBuffer());
    },
  };
}
