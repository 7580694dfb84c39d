/**
 * Protobuf messages to the IR. Fields that the IR does not model are kept as bytes in `unknown`, so that a round
 * trip loses nothing. Structural faults throw here; whether the graph makes sense is `checkModel`'s business.
 */
import { create, isFieldSet, toBinary } from '@bufbuild/protobuf';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { StudioError } from '../../errors/StudioError';
import { dataTypeOf, tensorByteLength } from '../dataTypes';
import type { Attribute, Dim, Graph, Model, ModelFunction, Node, Tensor, TensorData, TensorType, ValueInfo } from '../model';
import * as pb from './onnx_pb';
import { typedFieldBytes } from './tensorFields';

export function modelFromProto(proto: pb.ModelProto): Model {
  if (!proto.graph) throw new StudioError('onnx/invalid-graph', 'The model holds no graph.');
  const opsets = new Map(proto.opsetImport.map((opset) => [domainOf(opset.domain), Number(opset.version)]));
  return {
    irVersion: Number(proto.irVersion),
    opsets,
    producerName: proto.producerName,
    producerVersion: proto.producerVersion,
    domain: proto.domain,
    modelVersion: proto.modelVersion,
    docString: proto.docString,
    graph: graphFromProto(proto.graph),
    functions: proto.functions.map(functionFromProto),
    metadata: entries(proto.metadataProps) ?? new Map(),
    ...rest(pb.ModelProtoSchema, proto, ['trainingInfo', 'configuration']),
  };
}

function graphFromProto(proto: pb.GraphProto): Graph {
  const initializers = new Map<string, Tensor>();
  for (const tensor of proto.initializer) {
    if (initializers.has(tensor.name)) throw new StudioError('onnx/invalid-graph', `Two initializers are named ${tensor.name}.`, { name: tensor.name });
    initializers.set(tensor.name, tensorFromProto(tensor));
  }
  const quantization = new Map(proto.quantizationAnnotation.map((a) => [a.tensorName, entries(a.quantParameterTensorNames) ?? new Map()]));
  return {
    name: proto.name,
    nodes: proto.node.map(nodeFromProto),
    initializers,
    inputs: proto.input.map(valueFromProto),
    outputs: proto.output.map(valueFromProto),
    valueInfo: new Map(proto.valueInfo.map((value) => [value.name, valueFromProto(value)])),
    ...optional('docString', proto.docString),
    ...optionalEntries(proto.metadataProps),
    ...(quantization.size > 0 ? { quantization } : {}),
    ...rest(pb.GraphProtoSchema, proto, ['sparseInitializer']),
  };
}

function nodeFromProto(proto: pb.NodeProto): Node {
  return {
    name: proto.name,
    domain: domainOf(proto.domain),
    opType: proto.opType,
    ...optional('overload', proto.overload),
    inputs: proto.input,
    outputs: proto.output,
    attributes: new Map(proto.attribute.map((attribute) => [attribute.name, attributeFromProto(attribute)])),
    ...optionalEntries(proto.metadataProps),
    ...optional('docString', proto.docString),
    ...rest(pb.NodeProtoSchema, proto, ['deviceConfigurations']),
  };
}

function attributeFromProto(proto: pb.AttributeProto): Attribute {
  const raw = (): Attribute => ({ kind: 'raw', bytes: toBinary(pb.AttributeProtoSchema, proto) });
  if (proto.docString !== '' || (proto.$unknown?.length ?? 0) > 0) return raw();
  if (proto.refAttrName !== '') return { kind: 'reference', attribute: proto.refAttrName, type: proto.type };
  const Type = pb.AttributeProto_AttributeType;
  switch (proto.type) {
    case Type.FLOAT: return { kind: 'float', value: proto.f };
    case Type.INT: return { kind: 'int', value: proto.i };
    case Type.STRING: return { kind: 'string', value: proto.s };
    case Type.TENSOR: return proto.t ? { kind: 'tensor', value: tensorFromProto(proto.t) } : raw();
    case Type.GRAPH: return proto.g ? { kind: 'graph', value: graphFromProto(proto.g) } : raw();
    case Type.FLOATS: return { kind: 'floats', value: proto.floats };
    case Type.INTS: return { kind: 'ints', value: proto.ints };
    case Type.STRINGS: return { kind: 'strings', value: proto.strings };
    case Type.TENSORS: return { kind: 'tensors', value: proto.tensors.map(tensorFromProto) };
    case Type.GRAPHS: return { kind: 'graphs', value: proto.graphs.map(graphFromProto) };
    default: return raw();
  }
}

export function tensorFromProto(proto: pb.TensorProto): Tensor {
  const dataType = dataTypeOf(proto.dataType);
  const dims = proto.dims.map(Number);
  const facts = { name: proto.name, dataType: proto.dataType, dims: dims.join('x') };
  if (!dataType) throw new StudioError('onnx/invalid-tensor', `The tensor ${proto.name} has the unknown data type ${proto.dataType}.`, facts);
  if (dims.some((dim) => dim < 0 || !Number.isSafeInteger(dim))) {
    throw new StudioError('onnx/invalid-tensor', `The tensor ${proto.name} has an impossible shape [${dims.join(', ')}].`, facts);
  }
  const head = { name: proto.name, dataType, dims };
  return {
    ...head,
    data: tensorData(proto, head),
    ...optional('docString', proto.docString),
    ...optionalEntries(proto.metadataProps),
    ...rest(pb.TensorProtoSchema, proto, ['segment']),
  };
}

function tensorData(proto: pb.TensorProto, head: Pick<Tensor, 'name' | 'dataType' | 'dims'>): TensorData {
  const lengthBytes = tensorByteLength(head);
  if (proto.dataLocation === pb.TensorProto_DataLocation.EXTERNAL) return externalData(proto, lengthBytes);
  if (head.dataType === 'string') return { kind: 'strings', values: proto.stringData };
  const bytes = isFieldSet(proto, pb.TensorProtoSchema.field.rawData) && proto.rawData.length > 0 ? proto.rawData : (typedFieldBytes(proto, head.dataType) ?? new Uint8Array(0));
  if (bytes.length !== lengthBytes) {
    throw new StudioError('onnx/invalid-tensor', `The tensor ${head.name} holds ${bytes.length} bytes, but ${head.dataType} [${head.dims.join(', ')}] needs ${lengthBytes}.`, {
      name: head.name, bytes: bytes.length, expectedBytes: lengthBytes,
    });
  }
  return { kind: 'inline', bytes };
}

function externalData(proto: pb.TensorProto, expectedBytes: number): TensorData {
  const fields = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const location = fields.get('location');
  if (!location) throw new StudioError('onnx/invalid-tensor', `The tensor ${proto.name} is external, but names no file.`, { name: proto.name });
  const offsetBytes = Number(fields.get('offset') ?? 0);
  const lengthBytes = Number(fields.get('length') ?? expectedBytes);
  if (!Number.isSafeInteger(offsetBytes) || !Number.isSafeInteger(lengthBytes) || offsetBytes < 0 || lengthBytes !== expectedBytes) {
    throw new StudioError('onnx/invalid-tensor', `The tensor ${proto.name} asks for ${fields.get('length') ?? lengthBytes} bytes at ${fields.get('offset') ?? 0} of ${location}, but needs ${expectedBytes}.`, {
      name: proto.name, location, expectedBytes,
    });
  }
  return { kind: 'external', location, offsetBytes, lengthBytes };
}

function valueFromProto(proto: pb.ValueInfoProto): ValueInfo {
  const type = proto.type ? plainTensorType(proto.type) : undefined;
  return {
    name: proto.name,
    ...(type ? { type } : {}),
    ...optional('docString', proto.docString),
    ...optionalEntries(proto.metadataProps),
    ...rest(pb.ValueInfoProtoSchema, proto, type ? [] : ['type']),
  };
}

/** `undefined` for anything but a plain tensor type: it then stays in `unknown`. */
function plainTensorType(proto: pb.TypeProto): TensorType | undefined {
  if (proto.value.case !== 'tensorType' || proto.denotation !== '') return undefined;
  const { elemType, shape } = proto.value.value;
  const dataType = dataTypeOf(elemType);
  if (!dataType || shape?.dim.some((dim) => dim.denotation !== '')) return undefined;
  return { dataType, shape: shape ? shape.dim.map(dimFromProto) : null };
}

function dimFromProto({ value }: pb.TensorShapeProto_Dimension): Dim {
  if (value.case === 'dimValue') return Number(value.value);
  return value.case === 'dimParam' ? value.value : null;
}

function functionFromProto(proto: pb.FunctionProto): ModelFunction {
  return {
    name: proto.name,
    domain: domainOf(proto.domain),
    ...optional('overload', proto.overload),
    inputs: proto.input,
    outputs: proto.output,
    attributes: proto.attribute,
    attributeDefaults: new Map(proto.attributeProto.map((attribute) => [attribute.name, attributeFromProto(attribute)])),
    nodes: proto.node.map(nodeFromProto),
    opsets: new Map(proto.opsetImport.map((opset) => [domainOf(opset.domain), Number(opset.version)])),
    valueInfo: new Map(proto.valueInfo.map((value) => [value.name, valueFromProto(value)])),
    ...optionalEntries(proto.metadataProps),
    ...optional('docString', proto.docString),
    ...rest(pb.FunctionProtoSchema, proto, []),
  };
}

function domainOf(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

type Entry = { readonly key: string; readonly value: string };

function entries(list: readonly Entry[]): ReadonlyMap<string, string> | undefined {
  return list.length > 0 ? new Map(list.map(({ key, value }) => [key, value])) : undefined;
}

function optionalEntries(list: readonly Entry[]): { metadata?: ReadonlyMap<string, string> } {
  const metadata = entries(list);
  return metadata ? { metadata } : {};
}

function optional<K extends string>(key: K, value: string): { [key in K]?: string } {
  return value === '' ? {} : ({ [key]: value } as { [key in K]?: string });
}

/** The named fields and all unknown ones, as the bytes of a message that holds nothing else. */
function rest<D extends DescMessage>(schema: D, proto: MessageShape<D>, fields: readonly string[]): { unknown?: Uint8Array } {
  const set = fields.filter((name) => isFieldSet(proto, schema.field[name]!));
  if (set.length === 0 && (proto.$unknown?.length ?? 0) === 0) return {};
  const kept = create(schema) as Record<string, unknown> & MessageShape<D>;
  for (const name of set) (kept as Record<string, unknown>)[name] = (proto as Record<string, unknown>)[name];
  if (proto.$unknown) kept.$unknown = proto.$unknown;
  return { unknown: toBinary(schema, kept as MessageShape<D>) };
}
