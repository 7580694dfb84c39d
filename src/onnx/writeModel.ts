/** The IR to an ONNX file's bytes. External tensors stay references; `packModel` writes their data. */
import { StudioError } from '../errors/StudioError';
import { joinedBytes } from './joinedBytes';
import type { Model } from './model';
import { allTensors } from './tensors';
import { encodeModel, totalLength } from './wire/encodeModel';

/** What one protobuf message may hold. */
export const MAX_PROTOBUF_BYTES = 2 ** 31 - 1;

/** Writing what was read gives a file that reads the same, and then always the same bytes. Throws `onnx/too-large`. */
export function writeModel(model: Model): Uint8Array<ArrayBuffer> {
  let inlineBytes = 0;
  for (const { data } of allTensors(model)) if (data.kind === 'inline') inlineBytes += data.bytes.length;
  requireFits(inlineBytes);
  const pieces = encodeModel(model);
  const sizeBytes = totalLength(pieces);
  requireFits(sizeBytes);
  return joinedBytes(pieces, sizeBytes);
}

function requireFits(sizeBytes: number): void {
  if (sizeBytes <= MAX_PROTOBUF_BYTES) return;
  throw new StudioError(
    'onnx/too-large',
    `One .onnx file holds at most 2 GB; this model has ${(sizeBytes / 1e9).toFixed(2)} GB.`,
    { sizeBytes },
  );
}
