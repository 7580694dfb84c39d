/**
 * Protobuf messages to the IR. Fields that the IR does not model are kept as bytes in `unknown`, so that a round
 * trip loses nothing. Structural faults throw here; whether the graph makes sense is `checkModel`'s business.
 */

import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { create, isFieldSet, toBinary } from '@bufbuild/protobuf';
import { StudioError } from '../../errors/StudioError';
import { dataTypeOf, elementCount, tensorByteLength } from '../dataTypes';
import { normalLocation } from '../externalLocations';
import type {
  Attribute,
  AttributeValue,
  Dim,
  Graph,
  Model,
  ModelFunction,
  Node,
  SparseTensor,
  Tensor,
  TensorData,
  TensorType,
  ValueInfo,
} from '../model';
import * as pb from './onnx_pb';
import { typedFieldBytes } from './tensorFields';
import './textBytes';

export function modelFromProto(proto: pb.ModelProto): Model {
  if (!proto.graph) throw new StudioError('onnx/invalid-graph', 'The model holds no graph.');
  return {
    irVersion: versionNumber(proto.irVersion),
    opsets: opsetsFromProto(proto.opsetImport),
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
    if (initializers.has(tensor.name))
      throw new StudioError('onnx/invalid-graph', `Two initializers are named ${tensor.name}.`, { name: tensor.name });
    initializers.set(tensor.name, tensorFromProto(tensor));
  }
  const sparseInitializers = new Map(
    proto.sparseInitializer.map((sparse) => [sparse.values?.name ?? '', sparseFromProto(sparse)]),
  );
  const quantization = new Map(
    proto.quantizationAnnotation.map((a) => [a.tensorName, entries(a.quantParameterTensorNames) ?? new Map()]),
  );
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
    ...(sparseInitializers.size > 0 ? { sparseInitializers } : {}),
    ...rest(pb.GraphProtoSchema, proto, []),
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
    attributes: attributesFromProto(proto),
    ...optionalEntries(proto.metadataProps),
    ...optional('docString', proto.docString),
    ...rest(pb.NodeProtoSchema, proto, ['deviceConfigurations']),
  };
}

function attributesFromProto({ name, opType, attribute: list }: pb.NodeProto): ReadonlyMap<string, Attribute> {
  const attributes = new Map<string, Attribute>();
  for (const attribute of list) {
    if (attributes.has(attribute.name)) {
      throw new StudioError(
        'onnx/invalid-graph',
        `The ${opType} node '${name}' has two attributes named '${attribute.name}'.`,
        { node: name, attribute: attribute.name },
      );
    }
    attributes.set(attribute.name, attributeFromProto(attribute));
  }
  return attributes;
}

/** The data field that each attribute type uses. */
const dataFields = {
  [pb.AttributeProto_AttributeType.FLOAT]: 'f',
  [pb.AttributeProto_AttributeType.INT]: 'i',
  [pb.AttributeProto_AttributeType.STRING]: 's',
  [pb.AttributeProto_AttributeType.TENSOR]: 't',
  [pb.AttributeProto_AttributeType.GRAPH]: 'g',
  [pb.AttributeProto_AttributeType.FLOATS]: 'floats',
  [pb.AttributeProto_AttributeType.INTS]: 'ints',
  [pb.AttributeProto_AttributeType.STRINGS]: 'strings',
  [pb.AttributeProto_AttributeType.TENSORS]: 'tensors',
  [pb.AttributeProto_AttributeType.GRAPHS]: 'graphs',
} as const;

type DataField = (typeof dataFields)[keyof typeof dataFields];

const allDataFields: readonly DataField[] = Object.values(dataFields);
const attributeFields = pb.AttributeProtoSchema.field;
const isSet = (proto: pb.AttributeProto, field: DataField): boolean => isFieldSet(proto, attributeFields[field]);

function attributeFromProto(proto: pb.AttributeProto): Attribute {
  if (proto.refAttrName !== '')
    return {
      kind: 'reference',
      attribute: proto.refAttrName,
      type: proto.type,
      ...rest(pb.AttributeProtoSchema, proto, ['docString']),
    };
  const field = dataFieldOf(proto);
  if (!field) return { kind: 'raw', bytes: toBinary(pb.AttributeProtoSchema, proto) };
  if (!isSet(proto, field)) requireNoOther(proto, field);
  return {
    ...attributeValue(proto, field),
    ...rest(pb.AttributeProtoSchema, proto, ['docString', ...allDataFields.filter((other) => other !== field)]),
  };
}

/** By the declared type; by what is there where old exporters declare none. Undefined: a type that the IR keeps as bytes. */
function dataFieldOf(proto: pb.AttributeProto): DataField | undefined {
  if (proto.type !== pb.AttributeProto_AttributeType.UNDEFINED)
    return dataFields[proto.type as keyof typeof dataFields];
  if (proto.$unknown?.some(({ no }) => no === attributeFields.type.number)) return undefined; // a type of the future
  return allDataFields.find((field) => isSet(proto, field));
}

/** An empty field may be left out (zero, an empty list); a value of another type may not stand in for it. */
function requireNoOther(proto: pb.AttributeProto, field: DataField): void {
  const other = allDataFields.find((candidate) => isSet(proto, candidate));
  if (!other && field !== 't' && field !== 'g') return;
  throw new StudioError(
    'onnx/invalid-graph',
    `The attribute '${proto.name}' says that it holds ${field}, but holds ${other ?? 'nothing'}.`,
    { attribute: proto.name },
  );
}

function attributeValue(proto: pb.AttributeProto, field: DataField): AttributeValue {
  switch (field) {
    case 'f':
      return { kind: 'float', value: proto.f };
    case 'i':
      return { kind: 'int', value: proto.i };
    case 's':
      return { kind: 'string', value: proto.s };
    case 't':
      return { kind: 'tensor', value: tensorFromProto(proto.t ?? create(pb.TensorProtoSchema)) };
    case 'g':
      return { kind: 'graph', value: graphFromProto(proto.g ?? create(pb.GraphProtoSchema)) };
    case 'floats':
      return { kind: 'floats', value: proto.floats };
    case 'ints':
      return { kind: 'ints', value: proto.ints };
    case 'strings':
      return { kind: 'strings', value: proto.strings };
    case 'tensors':
      return { kind: 'tensors', value: proto.tensors.map(tensorFromProto) };
    case 'graphs':
      return { kind: 'graphs', value: proto.graphs.map(graphFromProto) };
  }
}

/** Shape and type only; the contents stay bytes. External ones could not be repacked, so they are refused. */
function sparseFromProto(proto: pb.SparseTensorProto): SparseTensor {
  const name = proto.values?.name ?? '';
  if ([proto.values, proto.indices].some((part) => part?.dataLocation === pb.TensorProto_DataLocation.EXTERNAL)) {
    throw new StudioError('onnx/unsupported', `The sparse tensor '${name}' keeps its values in another file.`, {
      tensor: name,
    });
  }
  const dataType = dataTypeOf(proto.values?.dataType ?? 0);
  if (!dataType)
    throw new StudioError(
      'onnx/invalid-tensor',
      `The sparse tensor '${name}' has the unknown data type ${proto.values?.dataType ?? 0}.`,
      { tensor: name },
    );
  return {
    name,
    type: { dataType, shape: dimsFromProto(name, proto.dims) },
    bytes: toBinary(pb.SparseTensorProtoSchema, proto),
  };
}

export function tensorFromProto(proto: pb.TensorProto): Tensor {
  const { name } = proto;
  const dataType = dataTypeOf(proto.dataType);
  if (!dataType)
    throw new StudioError('onnx/invalid-tensor', `The tensor '${name}' has the unknown data type ${proto.dataType}.`, {
      tensor: name,
      dataType: proto.dataType,
    });
  const head = { name, dataType, dims: dimsFromProto(name, proto.dims) };
  return {
    ...head,
    data: tensorData(proto, head),
    ...optional('docString', proto.docString),
    ...optionalEntries(proto.metadataProps),
    ...rest(pb.TensorProtoSchema, proto, ['segment']),
  };
}

function dimsFromProto(name: string, list: readonly bigint[]): readonly number[] {
  const dims = list.map(Number);
  if (dims.every((dim) => dim >= 0 && Number.isSafeInteger(dim))) return dims;
  throw new StudioError('onnx/invalid-tensor', `The tensor '${name}' has an impossible shape [${dims.join(', ')}].`, {
    tensor: name,
  });
}

type TensorHead = Pick<Tensor, 'name' | 'dataType' | 'dims'>;

function tensorData(proto: pb.TensorProto, head: TensorHead): TensorData {
  const expected = head.dataType === 'string' ? elementCount(head.dims) : tensorByteLength(head);
  if (proto.dataLocation === pb.TensorProto_DataLocation.EXTERNAL) return externalData(proto, head, expected);
  if (head.dataType === 'string') {
    requireLength(head, proto.stringData.length, expected, 'strings');
    return { kind: 'strings', values: proto.stringData };
  }
  const bytes = proto.rawData.length > 0 ? proto.rawData : typedFieldBytes(proto, head.dataType);
  requireLength(head, bytes.length, expected, 'bytes');
  return { kind: 'inline', bytes };
}

function requireLength({ name, dataType, dims }: TensorHead, found: number, expected: number, unit: string): void {
  if (found === expected) return;
  throw new StudioError(
    'onnx/invalid-tensor',
    `The tensor '${name}' holds ${found} ${unit}, but ${dataType} [${dims.join(', ')}] needs ${expected}.`,
    { tensor: name, found, expected },
  );
}

/** Numbers as decimal text. A length of 0 or none is the rest of the file that the tensor needs. */
function externalData(proto: pb.TensorProto, head: TensorHead, expected: number): TensorData {
  const { name, dataType } = head;
  const {
    location: written = '',
    offset = '0',
    length = '0',
    ...others
  } = Object.fromEntries(proto.externalData.map(({ key, value }) => [key, value]));
  const location = normalLocation(written);
  if (location === '')
    throw new StudioError('onnx/invalid-tensor', `The tensor '${name}' is external, but names no file.`, {
      tensor: name,
    });
  if (dataType === 'string')
    throw new StudioError('onnx/invalid-tensor', `The tensor '${name}' holds strings, which cannot be external.`, {
      tensor: name,
    });
  const isNumber = (text: string) => /^\d+$/.test(text) && Number.isSafeInteger(Number(text));
  if (!isNumber(offset) || !isNumber(length)) {
    throw new StudioError(
      'onnx/invalid-tensor',
      `The tensor '${name}' has no usable place in ${location}: offset ${offset}, length ${length}.`,
      { tensor: name, location },
    );
  }
  if (Number(length) !== 0) requireLength(head, Number(length), expected, 'external bytes');
  const entries = new Map(Object.entries(others));
  return {
    kind: 'external',
    location,
    offsetBytes: Number(offset),
    lengthBytes: expected,
    ...(entries.size > 0 ? { entries } : {}),
  };
}

function valueFromProto(proto: pb.ValueInfoProto): ValueInfo {
  const tensor = proto.type?.value.case === 'tensorType' ? proto.type.value.value : undefined;
  const dataType = dataTypeOf(tensor?.elemType ?? 0);
  const type: TensorType | undefined = dataType && {
    dataType,
    shape: tensor?.shape ? tensor.shape.dim.map(dimFromProto) : null,
  };
  return {
    name: proto.name,
    ...(type ? { type } : {}),
    ...optional('docString', proto.docString),
    ...optionalEntries(proto.metadataProps),
    ...rest(pb.ValueInfoProtoSchema, proto, type && proto.type && !hasDetails(proto.type) ? [] : ['type']),
  };
}

/** Says more than the IR's type does (denotations): such a type is kept as bytes too, and written over them. */
function hasDetails(type: pb.TypeProto): boolean {
  const tensor = type.value.value as pb.TypeProto_Tensor;
  const parts = [type, tensor, tensor.shape, ...(tensor.shape?.dim ?? [])];
  return (
    type.denotation !== '' ||
    parts.some((part) => part?.$unknown?.length) ||
    (tensor.shape?.dim.some((dim) => dim.denotation !== '') ?? false)
  );
}

/** Negative sizes and empty names are old ways to say "unknown". */
function dimFromProto({ value }: pb.TensorShapeProto_Dimension): Dim {
  if (value.case === 'dimValue')
    return value.value >= 0n && value.value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value.value) : null;
  return value.case === 'dimParam' && value.value !== '' ? value.value : null;
}

function functionFromProto(proto: pb.FunctionProto): ModelFunction {
  return {
    name: proto.name,
    domain: domainOf(proto.domain),
    ...optional('overload', proto.overload),
    inputs: proto.input,
    outputs: proto.output,
    attributes: proto.attribute,
    attributeDefaults: new Map(
      proto.attributeProto.map((attribute) => [attribute.name, attributeFromProto(attribute)]),
    ),
    nodes: proto.node.map(nodeFromProto),
    opsets: opsetsFromProto(proto.opsetImport),
    valueInfo: new Map(proto.valueInfo.map((value) => [value.name, valueFromProto(value)])),
    ...optionalEntries(proto.metadataProps),
    ...optional('docString', proto.docString),
    ...rest(pb.FunctionProtoSchema, proto, []),
  };
}

const opsetsFromProto = (list: readonly pb.OperatorSetIdProto[]): ReadonlyMap<string, number> =>
  new Map(list.map(({ domain, version }) => [domainOf(domain), versionNumber(version)]));

function versionNumber(version: bigint): number {
  if (version >= 0n && version < 2n ** 31n) return Number(version);
  throw new StudioError(
    'onnx/invalid-graph',
    `The model says that it has version ${version} of the file format or of an operator set.`,
  );
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
function rest<D extends DescMessage>(
  schema: D,
  proto: MessageShape<D>,
  fields: readonly string[],
): { unknown?: Uint8Array } {
  const set = fields.filter((name) => {
    const field = schema.field[name];
    return field !== undefined && isFieldSet(proto, field);
  });
  if (set.length === 0 && (proto.$unknown?.length ?? 0) === 0) return {};
  const kept = create(schema) as Record<string, unknown> & MessageShape<D>;
  for (const name of set) (kept as Record<string, unknown>)[name] = (proto as Record<string, unknown>)[name];
  if (proto.$unknown) kept.$unknown = proto.$unknown;
  return { unknown: toBinary(schema, kept as MessageShape<D>) };
}
