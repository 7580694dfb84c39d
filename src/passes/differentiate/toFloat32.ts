/**
 * A graph that computes in float32, whatever its weights are stored in: gradients of half-precision arithmetic are of no
 * use, and backends overflow in it. Stored weights stay as they are and are converted when read. Quantised integers are
 * not touched.
 */

import { setFloat16 } from '@petamoriken/float16';
import { present } from '../../errors/present';
import { dataTypeNumber, dataTypeOf } from '../../onnx/dataTypes';
import { allNames } from '../../onnx/graph';
import type { Attribute, DataType, Model, Node, Tensor, ValueInfo } from '../../onnx/model';
import { tensorValues } from '../../onnx/tensorValues';

export const isHalf = (dataType: DataType | undefined): boolean => dataType === 'float16' || dataType === 'bfloat16';

/**
 * Inputs and outputs become float32 too. `asFloat32`: initializers that the caller will give in float32 under their own
 * names; their stored form is dropped from the graph's reach.
 */
export function toFloat32(model: Model, asFloat32: ReadonlySet<string> = new Set()): Model {
  const { graph } = model;
  const taken = allNames(graph);
  const initializers = new Map<string, Tensor>();
  const casts: Node[] = [];
  for (const tensor of graph.initializers.values()) {
    if (!isHalf(tensor.dataType) || asFloat32.has(tensor.name)) {
      initializers.set(tensor.name, tensor);
      continue;
    }
    let stored = `${tensor.name}:stored`;
    while (taken.has(stored)) stored += '_';
    initializers.set(stored, { ...tensor, name: stored });
    casts.push(castToFloat32(stored, tensor.name));
  }
  const promoted = (value: ValueInfo): ValueInfo =>
    isHalf(value.type?.dataType) ? { ...value, type: { ...present(value.type), dataType: 'float32' } } : value;
  return {
    ...model,
    graph: {
      ...graph,
      initializers,
      nodes: [...casts, ...graph.nodes.map(promotedNode)],
      inputs: graph.inputs.map(promoted),
      outputs: graph.outputs.map(promoted),
      valueInfo: new Map([...graph.valueInfo].map(([name, value]) => [name, promoted(value)])),
    },
  };
}

export function castToFloat32(from: string, to: string): Node {
  return {
    name: `Cast:${to}`,
    domain: '',
    opType: 'Cast',
    inputs: [from],
    outputs: [to],
    attributes: new Map([['to', { kind: 'int', value: BigInt(dataTypeNumber('float32')) }]]),
  };
}

/** Attributes that name a half-precision type, or hold a tensor of one. */
function promotedNode(node: Node): Node {
  const changed = [...node.attributes].map(([key, attribute]): [string, Attribute] => [
    key,
    promotedAttribute(key, attribute),
  ]);
  return changed.every(([key, attribute]) => attribute === node.attributes.get(key))
    ? node
    : { ...node, attributes: new Map(changed) };
}

function promotedAttribute(key: string, attribute: Attribute): Attribute {
  if (attribute.kind === 'int' && (key === 'to' || key === 'dtype') && isHalf(dataTypeOf(Number(attribute.value))))
    return { ...attribute, value: BigInt(dataTypeNumber('float32')) };
  if (attribute.kind === 'tensor' && isHalf(attribute.value.dataType))
    return { ...attribute, value: tensorToFloat32(attribute.value) };
  if (attribute.kind === 'graph')
    return { ...attribute, value: { ...attribute.value, nodes: attribute.value.nodes.map(promotedNode) } };
  return attribute;
}

/** An inline tensor as float32; one that is elsewhere is left. */
function tensorToFloat32(tensor: Tensor): Tensor {
  const values = tensorValues(tensor);
  if (!(values instanceof Float32Array)) return tensor;
  return { ...tensor, dataType: 'float32', data: { kind: 'inline', bytes: new Uint8Array(values.slice().buffer) } };
}

/** Bytes of float32 values in a floating-point type, rounded to the nearest. */
export function floatBytes(values: Float32Array, dataType: DataType): Uint8Array {
  if (dataType === 'float32') return new Uint8Array(values.slice().buffer);
  if (dataType === 'float64') return new Uint8Array(Float64Array.from(values).buffer);
  const bytes = new Uint8Array(2 * values.length);
  const view = new DataView(bytes.buffer);
  if (dataType === 'bfloat16') {
    const bits = new Uint32Array(values.slice().buffer);
    bits.forEach((word, i) => view.setUint16(2 * i, (word + 0x7fff + ((word >>> 16) & 1)) >>> 16, true));
  } else values.forEach((value, i) => setFloat16(view, 2 * i, value, true));
  return bytes;
}
