/** The IR to protobuf messages: the mirror image of `fromProto`. All tensor bytes are written as raw_data. */
import { create, fromBinary } from '@bufbuild/protobuf';
import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { dataTypeNumber } from '../dataTypes';
import type { Attribute, Dim, Graph, Model, ModelFunction, Node, Tensor, ValueInfo } from '../model';
import * as pb from './onnx_pb';

export function modelToProto(model: Model): pb.ModelProto {
  return build(pb.ModelProtoSchema, model.unknown, {
    irVersion: BigInt(model.irVersion),
    opsetImport: opsetsToProto(model.opsets),
    ...text('producerName', model.producerName),
    ...text('producerVersion', model.producerVersion),
    ...text('domain', model.domain),
    ...(model.modelVersion !== 0n ? { modelVersion: model.modelVersion } : {}),
    ...text('docString', model.docString),
    graph: graphToProto(model.graph),
    functions: model.functions.map(functionToProto),
    metadataProps: entries(model.metadata),
  });
}

function graphToProto(graph: Graph): pb.GraphProto {
  return build(pb.GraphProtoSchema, graph.unknown, {
    ...text('name', graph.name),
    node: graph.nodes.map(nodeToProto),
    initializer: [...graph.initializers.values()].map(tensorToProto),
    input: graph.inputs.map(valueToProto),
    output: graph.outputs.map(valueToProto),
    valueInfo: [...graph.valueInfo.values()].map(valueToProto),
    ...text('docString', graph.docString),
    metadataProps: entries(graph.metadata),
    quantizationAnnotation: [...(graph.quantization ?? [])].map(([tensorName, names]) => create(pb.TensorAnnotationSchema, { tensorName, quantParameterTensorNames: entries(names) })),
  });
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
  const Type = pb.AttributeProto_AttributeType;
  const make = (fields: MessageInitShape<typeof pb.AttributeProtoSchema>) => create(pb.AttributeProtoSchema, { name, ...fields });
  switch (attribute.kind) {
    case 'float': return make({ type: Type.FLOAT, f: attribute.value });
    case 'int': return make({ type: Type.INT, i: attribute.value });
    case 'string': return make({ type: Type.STRING, s: attribute.value });
    case 'tensor': return make({ type: Type.TENSOR, t: tensorToProto(attribute.value) });
    case 'graph': return make({ type: Type.GRAPH, g: graphToProto(attribute.value) });
    case 'floats': return make({ type: Type.FLOATS, floats: [...attribute.value] });
    case 'ints': return make({ type: Type.INTS, ints: [...attribute.value] });
    case 'strings': return make({ type: Type.STRINGS, strings: [...attribute.value] });
    case 'tensors': return make({ type: Type.TENSORS, tensors: attribute.value.map(tensorToProto) });
    case 'graphs': return make({ type: Type.GRAPHS, graphs: attribute.value.map(graphToProto) });
    case 'reference': return make({ refAttrName: attribute.attribute, type: attribute.type });
    case 'raw': return fromBinary(pb.AttributeProtoSchema, attribute.bytes);
  }
}

function tensorToProto(tensor: Tensor): pb.TensorProto {
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
    case 'inline': return { rawData: data.bytes };
    case 'strings': return { stringData: [...data.values] };
    case 'external': {
      const fields = { location: data.location, offset: String(data.offsetBytes), length: String(data.lengthBytes) };
      return {
        dataLocation: pb.TensorProto_DataLocation.EXTERNAL,
        externalData: Object.entries(fields).map(([key, value]) => create(pb.StringStringEntryProtoSchema, { key, value })),
      };
    }
  }
}

function valueToProto(value: ValueInfo): pb.ValueInfoProto {
  const { type } = value;
  const shape = type?.shape ? create(pb.TensorShapeProtoSchema, { dim: type.shape.map(dimToProto) }) : undefined;
  const tensorType = type && create(pb.TypeProto_TensorSchema, { elemType: dataTypeNumber(type.dataType), ...(shape ? { shape } : {}) });
  return build(pb.ValueInfoProtoSchema, value.unknown, {
    name: value.name,
    ...(tensorType ? { type: create(pb.TypeProtoSchema, { value: { case: 'tensorType', value: tensorType } }) } : {}),
    ...text('docString', value.docString),
    metadataProps: entries(value.metadata),
  });
}

function dimToProto(dim: Dim): pb.TensorShapeProto_Dimension {
  if (dim === null) return create(pb.TensorShapeProto_DimensionSchema);
  const value = typeof dim === 'number' ? ({ case: 'dimValue', value: BigInt(dim) } as const) : ({ case: 'dimParam', value: dim } as const);
  return create(pb.TensorShapeProto_DimensionSchema, { value });
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
  return [...opsets].map(([domain, version]) => create(pb.OperatorSetIdProtoSchema, { domain, version: BigInt(version) }));
}

function entries(map: ReadonlyMap<string, string> | undefined): pb.StringStringEntryProto[] {
  return [...(map ?? [])].map(([key, value]) => create(pb.StringStringEntryProtoSchema, { key, value }));
}

function text<K extends string>(key: K, value: string | undefined): { [key in K]?: string } {
  return value ? ({ [key]: value } as { [key in K]?: string }) : {};
}

/** A message from its fields, over what the IR kept of it as bytes. */
function build<D extends DescMessage>(schema: D, kept: Uint8Array | undefined, fields: MessageInitShape<D>): MessageShape<D> {
  const message = create(schema, fields);
  return kept ? Object.assign(fromBinary(schema, kept), withoutEmpty(message)) : message;
}

/** Set fields only, so that assigning them does not wipe what was kept. */
function withoutEmpty(message: object): object {
  return Object.fromEntries(Object.entries(message).filter(([key, value]) => key !== '$unknown' && !(Array.isArray(value) && value.length === 0)));
}
