/** What a graph holds and costs: nodes, weights, bytes of weights, multiply-accumulates of one call. */
import { elementCount, tensorByteLength } from '../onnx/dataTypes';
import type { Graph, Model, Node, Tensor, TensorType } from '../onnx/model';
import { countMacs } from '../onnx/shapes/countMacs';
import { inferShapes } from '../onnx/shapes/inferShapes';
import type { Totals } from './block';
import { constantTables } from './constantTables';

export interface WeightSize {
  readonly parameters: number;
  readonly bytes: number;
}

/** Indices, shapes and flags are no weights. */
export function isWeight(tensor: Tensor): boolean {
  return !['int64', 'int32', 'uint64', 'uint32', 'bool', 'string'].includes(tensor.dataType);
}

/**
 * Initializer name -> size, weights only. A matrix of packed 4-bit numbers counts the numbers it stands for; its
 * scales and zero points count as bytes only, and so do tables that were never trained.
 */
export function weightsOf(graph: Graph): ReadonlyMap<string, WeightSize> {
  const packed = new Map(graph.nodes.filter(({ opType }) => opType === 'MatMulNBits').flatMap(packedParameters));
  for (const name of constantTables(graph)) packed.set(name, 0);
  const sizes = new Map<string, WeightSize>();
  for (const [name, tensor] of graph.initializers) {
    if (isWeight(tensor))
      sizes.set(name, { parameters: packed.get(name) ?? elementCount(tensor.dims), bytes: tensorByteLength(tensor) });
  }
  return sizes;
}

function packedParameters(node: Node): readonly (readonly [string, number])[] {
  const size = (name: string) => {
    const attribute = node.attributes.get(name);
    return attribute?.kind === 'int' ? Number(attribute.value) : 0;
  };
  const [, matrix, ...scales] = node.inputs.slice(0, 4);
  return [[matrix ?? '', size('K') * size('N')], ...scales.map((name) => [name, 0] as const)];
}

export function countTotals(model: Model, types: ReadonlyMap<string, TensorType>): Totals {
  let parameters = 0;
  let bytes = 0;
  for (const weight of weightsOf(model.graph).values()) {
    parameters += weight.parameters;
    bytes += weight.bytes;
  }
  return {
    nodes: model.graph.nodes.length,
    parameters,
    bytes,
    macs: model.graph.nodes.reduce((sum, node) => sum + countMacs(node, types), 0),
  };
}

/** As `countTotals`, with shapes inferred under the given sizes of symbolic dimensions. */
export function measure(model: Model, bindings: ReadonlyMap<string, number>): Totals {
  return countTotals(model, inferShapes(model, bindings));
}
