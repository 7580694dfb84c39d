/** The IR to protobuf messages: the mirror image of `fromProto`. All tensor bytes are written as raw_data. */

import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create, fromBinary } from '@bufbuild/protobuf';
import { dataTypeNumber } from '../dataTypes';
import type { Attribute, Dim, Graph, Model, ModelFunction, Node, Tensor, TensorType, ValueInfo } from '../model';
import * as pb from './onnx_pb';
import './textBytes';

/** All of the model but its graph. */
export function modelFieldsToProto(model: Model): pb.ModelProto {
  return build(pb.ModelProtoSchema, model.unknown, {
    irVersion: BigInt(model.irVersion),
    opsetImport: opsetsToProto(model.opsets),
    ...text('producerName', model.producerName),
    ...text('producerVersion', model.producerVersion),
    ...text('domain', model.domain),
    ...(model.modelVersion !== 0n ? { modelVersion: model.modelVersion } : {}),
    ...text('docString', model.docString),
    functions: model.functions.map(functionToProto),
    metadataProps: entries(model.metadata),
  });
}

/** All of a graph but its initializers. */
export function graphFieldsToProto(graph: Graph): pb.GraphProto {
  return build(pb.GraphProtoSchema, graph.unknown, {
    ...text('name', graph.name),
    node: graph.nodes.map(nodeToProto),
    sparseInitializer: [...(graph.sparseInitializers?.values() ?? [])].map(({ bytes }) =>
      fromBinary(pb.SparseTensorProtoSchema, bytes),
    ),
    input: graph.inputs.map(valueToProto),
    output: graph.outputs.map(valueToProto),
    valueInfo: [...graph.valueInfo.values()].map(valueToProto),
    ...text('docString', graph.docString),
    metadataProps: entries(graph.metadata),
    quantizationAnnotation: [...(graph.quantization ?? [])].map(([tensorName, names]) =>
      create(pb.TensorAnnotationSchema, { tensorName, quantParameterTensorNames: entries(names) }),
    ),
  });
}

function graphToProto(graph: Graph): pb.GraphProto {
  const proto = graphFieldsToProto(graph);
  proto.initializer = [...graph.initializers.values()].map(tensorToProto);
  return proto;
}

function nodeToProto(node: Node): pb.NodeProto {
  return build(pb.NodeProtoSchema, node.unknown, {
    ...text('name', node.name),
    ...text('domain', node.domain),
    opType: node.opType,
    ...text('overload', node.overload),
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: [...node.attributes].map(([name, attribute]) => attributeToProto(name, attribute)),
    metadataProps: entries(node.metadata),
    ...text('docString', node.docString),
  });
}

function attributeToProto(name: string, attribute: Attribute): pb.AttributeProto {
  if (attribute.kind === 'raw') return fromBinary(pb.AttributeProtoSchema, attribute.bytes);
  return build(pb.AttributeProtoSchema, attribute.unknown, { name, ...attributeFields(attribute) });
}

function attributeFields(
  attribute: Exclude<Attribute, { readonly kind: 'raw' }>,
): MessageInitShape<typeof pb.AttributeProtoSchema> {
  const Type = pb.AttributeProto_AttributeType;
  switch (attribute.kind) {
    case 'float':
      return { type: Type.FLOAT, f: attribute.value };
    case 'int':
      return { type: Type.INT, i: attribute.value };
    case 'string':
      return { type: Type.STRING, s: attribute.value };
    case 'tensor':
      return { type: Type.TENSOR, t: tensorToProto(attribute.value) };
    case 'graph':
      return { type: Type.GRAPH, g: graphToProto(attribute.value) };
    case 'floats':
      return { type: Type.FLOATS, floats: [...attribute.value] };
    case 'ints':
      return { type: Type.INTS, ints: [...attribute.value] };
    case 'strings':
      return { type: Type.STRINGS, strings: [...attribute.value] };
    case 'tensors':
      return { type: Type.TENSORS, tensors: attribute.value.map(tensorToProto) };
    case 'graphs':
      return { type: Type.GRAPHS, graphs: attribute.value.map(graphToProto) };
    case 'reference':
      return { refAttrName: attribute.attribute, type: attribute.type };
  }
}

function tensorToProto(tensor: Tensor): pb.TensorProto {
  const proto = tensorFieldsToProto(tensor);
  if (tensor.data.kind === 'inline') proto.rawData = tensor.data.bytes;
  return proto;
}

/** All of a tensor but its inline bytes. */
export function tensorFieldsToProto(tensor: Tensor): pb.TensorProto {
  return build(pb.TensorProtoSchema, tensor.unknown, {
    ...text('name', tensor.name),
    dataType: dataTypeNumber(tensor.dataType),
    dims: tensor.dims.map(BigInt),
    ...dataFields(tensor),
    ...text('docString', tensor.docString),
    metadataProps: entries(tensor.metadata),
  });
}

function dataFields({ data }: Tensor): MessageInitShape<typeof pb.TensorProtoSchema> {
  switch (data.kind) {
    case 'inline':
      return {};
    case 'strings':
      return { stringData: [...data.values] };
    case 'external': {
      const place = new Map([
        ['location', data.location],
        ['offset', String(data.offsetBytes)],
        ['length', String(data.lengthBytes)],
        ...(data.entries ?? []),
      ]);
      return { dataLocation: pb.TensorProto_DataLocation.EXTERNAL, externalData: entries(place) };
    }
  }
}

function valueToProto(value: ValueInfo): pb.ValueInfoProto {
  const proto = build(pb.ValueInfoProtoSchema, value.unknown, {
    name: value.name,
    ...text('docString', value.docString),
    metadataProps: entries(value.metadata),
  });
  if (value.type) proto.type = typeToProto(value.type, proto.type);
  return proto;
}

/** `kept`: the type as the file had it, whose denotations stay where the rank does. */
function typeToProto({ dataType, shape }: TensorType, kept: pb.TypeProto | undefined): pb.TypeProto {
  const type = kept ?? create(pb.TypeProtoSchema);
  const tensor = type.value.case === 'tensorType' ? type.value.value : create(pb.TypeProto_TensorSchema);
  tensor.elemType = dataTypeNumber(dataType);
  if (shape) {
    const old = tensor.shape?.dim.length === shape.length ? tensor.shape.dim : undefined;
    tensor.shape ??= create(pb.TensorShapeProtoSchema);
    tensor.shape.dim = shape.map((dim, i) =>
      Object.assign(old?.[i] ?? create(pb.TensorShapeProto_DimensionSchema), dimToProto(dim)),
    );
  }
  type.value = { case: 'tensorType', value: tensor };
  return type;
}

/** Only the `value` of the dimension. */
function dimToProto(dim: Dim): Pick<pb.TensorShapeProto_Dimension, 'value'> {
  if (dim === null) return { value: { case: undefined } };
  return {
    value: typeof dim === 'number' ? { case: 'dimValue', value: BigInt(dim) } : { case: 'dimParam', value: dim },
  };
}

function functionToProto(definition: ModelFunction): pb.FunctionProto {
  return build(pb.FunctionProtoSchema, definition.unknown, {
    name: definition.name,
    ...text('domain', definition.domain),
    ...text('overload', definition.overload),
    input: [...definition.inputs],
    output: [...definition.outputs],
    attribute: [...definition.attributes],
    attributeProto: [...definition.attributeDefaults].map(([name, attribute]) => attributeToProto(name, attribute)),
    node: definition.nodes.map(nodeToProto),
    opsetImport: opsetsToProto(definition.opsets),
    valueInfo: [...definition.valueInfo.values()].map(valueToProto),
    metadataProps: entries(definition.metadata),
    ...text('docString', definition.docString),
  });
}

function opsetsToProto(opsets: ReadonlyMap<string, number>): pb.OperatorSetIdProto[] {
  return [...opsets].map(([domain, version]) =>
    create(pb.OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
  );
}

function entries(map: ReadonlyMap<string, string> | undefined): pb.StringStringEntryProto[] {
  return [...(map ?? [])].map(([key, value]) => create(pb.StringStringEntryProtoSchema, { key, value }));
}

function text<K extends string>(key: K, value: string | undefined): { [key in K]?: string } {
  return value ? ({ [key]: value } as { [key in K]?: string }) : {};
}

/** A message from its fields, over what the IR kept of it as bytes. */
function build<D extends DescMessage>(
  schema: D,
  kept: Uint8Array | undefined,
  fields: MessageInitShape<D>,
): MessageShape<D> {
  const message = create(schema, fields);
  return kept ? Object.assign(fromBinary(schema, kept), withoutEmpty(message)) : message;
}

/** Set fields only, so that assigning them does not wipe what was kept. */
function withoutEmpty(message: object): object {
  return Object.fromEntries(
    Object.entries(message).filter(
      ([key, value]) => key !== '$unknown' && !(Array.isArray(value) && value.length === 0),
    ),
  );
}
