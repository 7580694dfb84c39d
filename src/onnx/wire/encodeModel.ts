/**
 * A model as the pieces of an ONNX file. Weights are pieces by themselves, never copied into a message first: protobuf lets
 * fields stand in any order, so a tensor's raw_data can follow its other fields.
 */
import { toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Graph, Model, Tensor } from '../model';
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema } from './onnx_pb';
import { graphFieldsToProto, modelFieldsToProto, tensorFieldsToProto } from './toProto';

/** In the order of the file. Inline weights are the model's own arrays. */
export function encodeModel(model: Model): readonly Uint8Array[] {
  return [
    toBinary(ModelProtoSchema, modelFieldsToProto(model)),
    ...delimited(ModelProtoSchema.field.graph.number, encodeGraph(model.graph)),
  ];
}

/** Sum of the pieces' lengths. */
export const totalLength = (pieces: readonly Uint8Array[]): number =>
  pieces.reduce((sum, piece) => sum + piece.length, 0);

function encodeGraph(graph: Graph): readonly Uint8Array[] {
  const number = GraphProtoSchema.field.initializer.number;
  const pieces: Uint8Array[] = [toBinary(GraphProtoSchema, graphFieldsToProto(graph))];
  for (const tensor of graph.initializers.values()) pieces.push(...delimited(number, encodeTensor(tensor)));
  return pieces;
}

function encodeTensor(tensor: Tensor): readonly Uint8Array[] {
  const fields = toBinary(TensorProtoSchema, tensorFieldsToProto(tensor));
  return tensor.data.kind === 'inline'
    ? [fields, ...delimited(TensorProtoSchema.field.rawData.number, [tensor.data.bytes])]
    : [fields];
}

/** A field of the given number that holds the pieces. */
function delimited(number: number, pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  return [new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(totalLength(pieces)).finish(), ...pieces];
}
