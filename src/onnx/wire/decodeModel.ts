/** The bytes of an ONNX file to the IR, in two passes: is the structure sound, and what does it say. */
import { fromBinary } from '@bufbuild/protobuf';
import type { Model } from '../model';
import { checkWire } from './checkWire';
import { modelFromProto } from './fromProto';
import { ModelProtoSchema } from './onnx_pb';

/** Throws as `readModel`. */
export function decodeModel(bytes: Uint8Array): Model {
  checkWire(bytes, ModelProtoSchema);
  return modelFromProto(fromBinary(ModelProtoSchema, bytes));
}
