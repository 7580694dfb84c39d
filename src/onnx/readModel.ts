/**
 * An ONNX file's bytes to the IR. Weights stay views of the given bytes; external ones stay references. Whether the graph
 * makes sense is `checkModel`'s business.
 */
import { StudioError } from '../errors/StudioError';
import type { Model } from './model';
import { decodeModel } from './wire/decodeModel';

/** Throws `onnx/not-onnx`, `onnx/truncated`, `onnx/invalid-graph`, `onnx/invalid-tensor`, `onnx/unsupported`. */
export function readModel(bytes: Uint8Array): Model {
  if (bytes.length === 0) throw new StudioError('onnx/not-onnx', 'The file is empty.');
  // A plain Uint8Array: a Node Buffer's slice() shares memory, which copies must not.
  return decodeModel(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}
