/** An ONNX file's bytes to the IR. Weights stay views of the given bytes; external ones stay references. */
import { fromBinary } from '@bufbuild/protobuf';
import { StudioError } from '../errors/StudioError';
import type { Model } from './model';
import { modelFromProto } from './wire/fromProto';
import { ModelProtoSchema } from './wire/onnx_pb';

/** Throws `onnx/not-onnx`, `onnx/truncated`, `onnx/invalid-graph`, `onnx/invalid-tensor`. */
export function readModel(bytes: Uint8Array): Model {
  if (bytes.length === 0) throw new StudioError('onnx/not-onnx', 'The file is empty.');
  let proto;
  try {
    // A plain Uint8Array: a Node Buffer's slice() shares memory, which copies must not.
    proto = fromBinary(ModelProtoSchema, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    throw unreadable(bytes, cause);
  }
  // Random bytes can parse as a message of unknown fields: a model has a graph and an IR version.
  if (!proto.graph && proto.opsetImport.length === 0) {
    throw new StudioError('onnx/not-onnx', 'The file is not an ONNX model: it has neither a graph nor an opset.');
  }
  return modelFromProto(proto);
}

/** Every ONNX writer puts ir_version (field 1, varint) first: what starts so and then breaks is a cut file. */
function unreadable(bytes: Uint8Array, cause: unknown): StudioError {
  const startsLikeOnnx = bytes[0] === 0x08 && (bytes[1] ?? 0) > 0 && (bytes[1] ?? 0) < 64;
  if (!startsLikeOnnx) return new StudioError('onnx/not-onnx', 'The file is not an ONNX model.', {}, { cause });
  return new StudioError('onnx/truncated', `The file is damaged or ends too early (${bytes.length} bytes were read).`, { sizeBytes: bytes.length }, { cause });
}
