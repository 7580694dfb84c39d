/** What a graph holds and costs: nodes, weights, bytes of weights, multiply-accumulates of one call. */
import { elementCount, tensorByteLength } from '../onnx/dataTypes';
import { subgraphs } from '../onnx/graph';
import type { Graph, Model, Node, Tensor, TensorType } from '../onnx/model';
import { countMacs } from '../onnx/shapes/countMacs';
import { inferShapes } from '../onnx/shapes/inferShapes';
import type { Totals } from './block';
import { constantTables } from './constantTables';
import { exporterConstants } from './exporterConstants';

export interface WeightSize {
  readonly parameters: number;
  readonly bytes: number;
}

/** Indices, shapes and flags are no weights. */
export function isWeight(tensor: Pick<Tensor, 'dataType'>): boolean {
  return !['int64', 'int32', 'uint64', 'uint32', 'bool', 'string'].includes(tensor.dataType);
}

/**
 * Value name -> size, weights only: initializers, and what Constant nodes hold where it is more than one number (a scale
 * is no weight). A matrix of packed 4-bit numbers counts the numbers it stands for; scales and zero points of quantised
 * weights count as bytes only, and so do constants that were never trained. Weights of branches and loop bodies: `bodyWeights`.
 */
export function weightsOf(graph: Graph): ReadonlyMap<string, WeightSize> {
  const packed = new Map(graph.nodes.flatMap(packedParameters));
  for (const name of [...constantTables(graph), ...exporterConstants(graph)]) packed.set(name, 0);
  const sizes = new Map<string, WeightSize>();
  const add = (name: string, { parameters, bytes }: WeightSize): void =>
    void sizes.set(name, { parameters: packed.get(name) ?? parameters, bytes });
  for (const [name, tensor] of graph.initializers) if (isWeight(tensor)) add(name, sizeOf(tensor));
  for (const [name, { dataType, shape }] of sparseTypes(graph))
    if (isWeight({ dataType })) add(name, sizeOf({ name, dataType, dims: shape }));
  for (const node of graph.nodes) {
    const held = constantSize(node);
    const [output] = node.outputs;
    if (held && output !== undefined) add(output, held);
  }
  return sizes;
}

const sizeOf = (tensor: Pick<Tensor, 'name' | 'dataType' | 'dims'>): WeightSize => ({
  parameters: elementCount(tensor.dims),
  bytes: tensorByteLength(tensor),
});

/** Sparse initializers at their full size: what they stand for in a product. */
function sparseTypes({
  sparseInitializers,
}: Graph): readonly (readonly [string, Pick<Tensor, 'dataType'> & { readonly shape: readonly number[] }])[] {
  return [...(sparseInitializers ?? [])].map(([name, { type }]) => [
    name,
    { dataType: type.dataType, shape: type.shape?.map(Number) ?? [] },
  ]);
}

/** Of what a Constant node holds; undefined where that is no weight. */
function constantSize(node: Node): WeightSize | undefined {
  if (node.opType !== 'Constant' || node.domain !== '' || !node.outputs[0]) return undefined;
  const value = node.attributes.get('value');
  const floats = node.attributes.get('value_floats');
  const size =
    value?.kind === 'tensor' && isWeight(value.value)
      ? sizeOf(value.value)
      : floats?.kind === 'floats'
        ? { parameters: floats.value.length, bytes: 4 * floats.value.length }
        : undefined;
  return size && size.parameters > 1 ? size : undefined;
}

/** Weights that a node's branches or loop body hold themselves, at any depth; undefined where there are none. */
export function bodyWeights(node: Node): WeightSize | undefined {
  let parameters = 0;
  let bytes = 0;
  const visit = (inner: Node): void => {
    for (const attribute of inner.attributes.values()) {
      for (const body of subgraphs(attribute)) {
        for (const size of weightsOf(body).values()) {
          parameters += size.parameters;
          bytes += size.bytes;
        }
        body.nodes.forEach(visit);
      }
    }
  };
  visit(node);
  return bytes > 0 ? { parameters, bytes } : undefined;
}

function packedParameters(node: Node): readonly (readonly [string, number])[] {
  if (node.opType === 'DequantizeLinear') return node.inputs.slice(1).map((name) => [name, 0] as const);
  if (node.opType !== 'MatMulNBits') return [];
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
  const inBodies = model.graph.nodes.flatMap((node) => bodyWeights(node) ?? []);
  for (const weight of [...weightsOf(model.graph).values(), ...inBodies]) {
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
