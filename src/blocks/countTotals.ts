/** What a graph holds and costs: nodes, weights, bytes of weights, multiply-accumulates of one call. */
import { elementCount, tensorByteLength } from '../onnx/dataTypes';
import type { Model, Tensor, TensorType } from '../onnx/model';
import { countMacs } from '../onnx/shapes/countMacs';
import { inferShapes } from '../onnx/shapes/inferShapes';
import type { Totals } from './block';

/** Indices, shapes and flags are no weights. */
export function isWeight(tensor: Tensor): boolean {
  return !['int64', 'int32', 'uint64', 'uint32', 'bool', 'string'].includes(tensor.dataType);
}

export function countTotals(model: Model, types: ReadonlyMap<string, TensorType>): Totals {
  let parameters = 0;
  let bytes = 0;
  for (const tensor of model.graph.initializers.values()) {
    if (!isWeight(tensor)) continue;
    parameters += elementCount(tensor.dims);
    bytes += tensorByteLength(tensor);
  }
  return { nodes: model.graph.nodes.length, parameters, bytes, macs: model.graph.nodes.reduce((sum, node) => sum + countMacs(node, types), 0) };
}

/** As `countTotals`, with shapes inferred under the given sizes of symbolic dimensions. */
export function measure(model: Model, bindings: ReadonlyMap<string, number>): Totals {
  return countTotals(model, inferShapes(model, bindings));
}
