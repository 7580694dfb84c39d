/** The check that every byte source makes before it reads. */
import { StudioError } from '../errors/StudioError';

/** Throws `onnx/external-data-range` when the range leaves a source of `sizeBytes`. */
export function checkRange(offsetBytes: number, lengthBytes: number, sizeBytes: number): void {
  if (offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes + lengthBytes <= sizeBytes) return;
  throw new StudioError(
    'onnx/external-data-range',
    `Bytes ${offsetBytes} to ${offsetBytes + lengthBytes} lie outside a file of ${sizeBytes} bytes.`,
    {
      offsetBytes,
      lengthBytes,
      sizeBytes,
    },
  );
}
