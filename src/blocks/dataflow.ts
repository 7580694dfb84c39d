/**
 * The analysis view of a graph that discovery works on: execution order, who makes what, which values depend on an
 * input through data (the stream) and on the latent (the trunk), and bounded ancestor tests. Changes nothing.
 */
import { consumers, producers, topologicalOrder, usedNames } from '../onnx/graph';
import type { Graph, Model, Node, TensorType } from '../onnx/model';
import { inferShapes } from '../onnx/shapes/inferShapes';

export interface Dataflow {
  readonly graph: Graph;
  readonly order: readonly Node[];
  readonly position: ReadonlyMap<Node, number>;
  readonly madeBy: ReadonlyMap<string, Node>;
  readonly usedBy: ReadonlyMap<string, readonly Node[]>;
  readonly types: ReadonlyMap<string, TensorType>;
  /** Values that depend on a graph input through data operands. */
  readonly stream: ReadonlySet<string>;
  /** Values that depend on the latent input through data operands. */
  readonly trunk: ReadonlySet<string>;
}

/** Operands that carry shapes, indices or sizes: what flows through them is not data. */
const SHAPE_OPERANDS: Readonly<Record<string, number>> = {
  Reshape: 1, Expand: 1, Slice: 1, Resize: 1, Upsample: 1, Tile: 1, Pad: 1, Unsqueeze: 1, Squeeze: 1, Split: 1, Gather: 1, TopK: 1, ReduceMean: 1, ReduceSum: 1, ReduceMax: 1,
};
const SHAPE_OPS = new Set(['Shape', 'Size', 'ConstantOfShape', 'Range']);

export function analyse(model: Model, bindings: ReadonlyMap<string, number>, latentInput: string): Dataflow {
  const { graph } = model;
  const order = topologicalOrder(graph);
  return {
    graph,
    order,
    position: new Map(order.map((node, index) => [node, index])),
    madeBy: producers(graph),
    usedBy: consumers(graph),
    types: inferShapes(model, bindings),
    stream: reached(order, graph.inputs.map(({ name }) => name).filter((name) => !graph.initializers.has(name))),
    trunk: reached(order, [latentInput]),
  };
}

/** Operands of a node through which data flows. */
export function dataInputs(node: Node): readonly string[] {
  if (SHAPE_OPS.has(node.opType)) return [];
  const limit = SHAPE_OPERANDS[node.opType];
  if (limit === undefined) return usedNames(node);
  return node.inputs.slice(0, limit).filter((name) => name !== '');
}

function reached(order: readonly Node[], seeds: readonly string[]): ReadonlySet<string> {
  const found = new Set(seeds);
  for (const node of order) if (dataInputs(node).some((name) => found.has(name))) for (const output of node.outputs) found.add(output);
  return found;
}

export function shapeOf(flow: Dataflow, name: string): readonly number[] | undefined {
  const shape = flow.types.get(name)?.shape;
  return shape?.every((dim) => typeof dim === 'number') ? (shape as number[]) : undefined;
}

export function sameType(flow: Dataflow, a: string, b: string): boolean {
  const [left, right] = [shapeOf(flow, a), shapeOf(flow, b)];
  if (!left || !right || flow.types.get(a)?.dataType !== flow.types.get(b)?.dataType) return false;
  return left.length === right.length && left.every((dim, axis) => dim === right[axis]);
}

/** Position of the node that makes a value; graph inputs and initializers come before everything. */
export function positionOf(flow: Dataflow, name: string): number {
  const node = flow.madeBy.get(name);
  return node ? flow.position.get(node)! : -1;
}

/**
 * Nodes on data paths from `ancestor` to `value`; `null` when there is none. Looks only at nodes that run after
 * `ancestor`, so that the search stays small on large graphs.
 */
export function nodesBetween(flow: Dataflow, ancestor: string, value: string): readonly Node[] | null {
  const floor = positionOf(flow, ancestor);
  const reaches = new Map<string, boolean>([[ancestor, true]]);
  const region: Node[] = [];
  const start = flow.madeBy.get(value);
  if (value === ancestor || !start) return null;
  const collected = new Set<Node>();
  const stack = [start];
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (collected.has(node) || flow.position.get(node)! <= floor) continue;
    collected.add(node);
    for (const name of dataInputs(node)) {
      const maker = flow.madeBy.get(name);
      if (maker && name !== ancestor) stack.push(maker);
    }
  }
  for (const node of [...collected].sort((a, b) => flow.position.get(a)! - flow.position.get(b)!)) {
    if (!dataInputs(node).some((name) => reaches.get(name))) continue;
    region.push(node);
    for (const output of node.outputs) reaches.set(output, true);
  }
  return reaches.get(value) ? region : null;
}

/** Operators that multiply by weights. */
const WEIGHTED = new Set(['Conv', 'ConvTranspose', 'MatMul', 'Gemm', 'FusedConv', 'FusedMatMul', 'MatMulNBits', 'ConvInteger', 'MatMulInteger', 'QLinearConv', 'QLinearMatMul', 'DynamicQuantizeMatMul', 'MatMulIntegerToFloat', 'NhwcConv', 'Einsum', 'Attention']);

/** A matrix operator one of whose operands does not depend on any input: a weight. */
export function holdsWeights(flow: Dataflow, node: Node): boolean {
  return WEIGHTED.has(node.opType) && node.inputs.some((name, index) => index > 0 && name !== '' && !flow.stream.has(name) && elementsOf(flow, name) > 1);
}

export function elementsOf(flow: Dataflow, name: string): number {
  return shapeOf(flow, name)?.reduce((a, b) => a * b, 1) ?? 2;
}
