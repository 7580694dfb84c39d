/**
 * The analysis view of a denoiser that discovery works on: the graph by numbers with shapes, and which values depend
 * on an input (the stream) and on the latent (the trunk) through data rather than through shapes.
 */
import { present } from '../errors/present';
import { inlineFunctions } from '../onnx/inlineFunctions';
import type { Model, TensorType } from '../onnx/model';
import { expandFused } from './expandFused';
import type { GraphIndex } from './graphIndex';
import { indexGraph } from './graphIndex';
import { canHoldWeights, dataOperandCount, isPureView } from './operators';

export interface Flow extends GraphIndex {
  readonly types: ReadonlyMap<string, TensorType>;
  /** Node -> values that it reads as data, in operand order. */
  readonly data: readonly (readonly number[])[];
  /** 1 where the value depends on a graph input through data operands. */
  readonly stream: Uint8Array;
  /** 1 where it depends on the latent. */
  readonly trunk: Uint8Array;
  /** Nodes on the longest path from the latent; 0 off the trunk. */
  readonly depth: Int32Array;
  /** 1 where the node multiplies data by weights. */
  readonly weighted: Uint8Array;
}

/** Functions are inlined and fused residual additions spelt out, so values may have names that the file lacks. */
export function analyse(model: Model, knownTypes: ReadonlyMap<string, TensorType>, latentInput: string): Flow {
  const flat = inlineFunctions(model);
  const types = new Map(knownTypes);
  const graph = expandFused(flat.graph, { types });
  const index = indexGraph(graph);
  const data = index.nodes.map((node, at) => {
    const count = dataOperandCount(node);
    if (count >= node.inputs.length) return present(index.uses[at]);
    return node.inputs
      .slice(0, count)
      .filter((name) => name !== '')
      .map((name) => present(index.ids.get(name)));
  });
  const inputs = graph.inputs
    .filter(({ name }) => !graph.initializers.has(name))
    .map(({ name }) => present(index.ids.get(name)));
  const stream = reached(index, data, inputs);
  const latent = index.ids.get(latentInput);
  const trunk = reached(index, data, latent === undefined ? [] : [latent]);
  return {
    ...index,
    types,
    data,
    stream,
    trunk,
    depth: depths(index, data, trunk),
    weighted: weightedNodes(index, stream, types),
  };
}

function reached(index: GraphIndex, data: readonly (readonly number[])[], seeds: readonly number[]): Uint8Array {
  const found = new Uint8Array(index.names.length);
  for (const seed of seeds) found[seed] = 1;
  index.nodes.forEach((_, node) => {
    if (present(data[node]).some((value) => found[value] === 1))
      for (const value of present(index.outputs[node])) found[value] = 1;
  });
  return found;
}

function depths(index: GraphIndex, data: readonly (readonly number[])[], trunk: Uint8Array): Int32Array {
  const depth = new Int32Array(index.names.length);
  index.nodes.forEach((_, node) => {
    let deepest = 0;
    for (const value of present(data[node])) if (trunk[value]) deepest = Math.max(deepest, present(depth[value]) + 1);
    for (const value of present(index.outputs[node])) depth[value] = deepest;
  });
  return depth;
}

/** A matrix operator with an operand of several elements that no input reaches. */
function weightedNodes(index: GraphIndex, stream: Uint8Array, types: ReadonlyMap<string, TensorType>): Uint8Array {
  const weighted = new Uint8Array(index.nodes.length);
  index.nodes.forEach((node, at) => {
    if (!canHoldWeights(node)) return;
    const holds = (value: number) =>
      !stream[value] && (types.get(present(index.names[value]))?.shape?.length ?? 2) >= 2;
    if (present(index.uses[at]).some(holds) && present(index.uses[at]).some((value) => stream[value])) weighted[at] = 1;
  });
  return weighted;
}

/** `undefined` when a dimension or the rank is unknown, or the value is left out. */
export function shapeOf(flow: Flow, value: number | undefined): readonly number[] | undefined {
  const shape = value === undefined ? undefined : flow.types.get(present(flow.names[value]))?.shape;
  return shape?.every((dim) => typeof dim === 'number') ? (shape as readonly number[]) : undefined;
}

/** Equal known shapes and element types. */
export function sameType(flow: Flow, a: number, b: number): boolean {
  const [left, right] = [shapeOf(flow, a), shapeOf(flow, b)];
  if (!left || !right || left.length !== right.length) return false;
  return (
    left.every((dim, axis) => dim === right[axis]) &&
    flow.types.get(present(flow.names[a]))?.dataType === flow.types.get(present(flow.names[b]))?.dataType
  );
}

/**
 * The operand that the value shows in another form; -1 when its node does more than that. Adding, or multiplying or
 * dividing by one number, what depends on no input counts as another form too: a position embedding, a rescaling.
 */
export function viewed(flow: Flow, value: number): number {
  const at = present(flow.producer[value]);
  if (at < 0) return -1;
  const node = present(flow.nodes[at]);
  const [a, b] = [flow.ids.get(node.inputs[0] ?? ''), flow.ids.get(node.inputs[1] ?? '')];
  if (a === undefined) return -1;
  if (isPureView(node)) return a;
  if (node.domain !== '' || b === undefined) return -1;
  if (node.opType === 'Div' || node.opType === 'Mul') {
    const [data, factor] = flow.stream[a] ? [a, b] : [b, a];
    const scalar = !flow.stream[factor] && shapeOf(flow, factor)?.every((dim) => dim === 1);
    return scalar && (node.opType === 'Mul' || data === a) ? data : -1;
  }
  if (node.opType === 'Add' && flow.stream[a] !== flow.stream[b]) return flow.stream[a] ? a : b;
  return -1;
}

/** Walks back over views to the value that does more. */
export function rootOf(flow: Flow, value: number): number {
  let current = value;
  for (let next = viewed(flow, current); next >= 0; next = viewed(flow, current)) current = next;
  return current;
}
