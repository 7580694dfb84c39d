/** The IR to an ONNX file's bytes. External tensors stay references; `packModel` writes their data. */
import { toBinary } from '@bufbuild/protobuf';
import { StudioError } from '../errors/StudioError';
import type { Model } from './model';
import { ModelProtoSchema } from './wire/onnx_pb';
import { modelToProto } from './wire/toProto';

/** What one protobuf message may hold. */
export const MAX_PROTOBUF_BYTES = 2 ** 31 - 1;

/** Throws `onnx/too-large` when inline weights exceed what protobuf allows. */
export function writeModel(model: Model): Uint8Array {
  let inlineBytes = 0;
  for (const { data } of model.graph.initializers.values()) if (data.kind === 'inline') inlineBytes += data.bytes.length;
  if (inlineBytes > MAX_PROTOBUF_BYTES) {
    throw new StudioError('onnx/too-large', `One ONNX file holds at most 2 GB; these weights are ${inlineBytes} bytes. Choose external data.`, { sizeBytes: inlineBytes });
  }
  return toBinary(ModelProtoSchema, modelToProto(model));
}
