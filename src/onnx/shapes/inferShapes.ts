/**
 * Shapes and types of all values, operator by operator, with small integer subgraphs evaluated on the way because
 * exporters compute shapes inside the graph. What cannot be told stays unknown: nothing is guessed or run.
 */
import { StudioError } from '../../errors/StudioError';
import { hasSubgraph, topologicalOrder } from '../graph';
import { inlineFunctions } from '../inlineFunctions';
import type { Dim, Graph, Model, Node, TensorType, ValueInfo } from '../model';
import { isCounted } from './countedDims';
import { evaluateDim } from './dimExpression';
import type { OpCall } from './OpCall';
import { shapeRule } from './rules';
import { constantValue, elementsOf, maxRank, product, unknownValue, type Value, valueOf } from './Value';

/** The names known while a graph is inferred; a body sees those of the graphs around it. */
interface Scope {
  readonly values: Map<string, Value>;
  readonly outer?: Scope;
}

/** A loop is inferred twice, one inside it four times, and so on: beyond this many nodes and inputs inferred again, results stay unknown. */
const maxRepeated = 10_000;

interface Inference {
  readonly opsets: ReadonlyMap<string, number>;
  readonly bindings: ReadonlyMap<string, number>;
  /** Types of everything seen, inner values of subgraphs included (the outer graph's names win). */
  readonly types: Map<string, TensorType>;
  /** Subgraphs inferred so far. */
  readonly bodies: Set<Graph>;
  /** Nodes and inputs of those that were inferred again. */
  repeated: number;
}

/**
 * Value name -> type, for inputs, initializers, and node outputs, subgraphs included. `bindings` gives sizes to symbolic dimensions
 * of the inputs; a dimension that depends on an unbound one is a symbol or null. A value without a known element type
 * is absent. Where the file's value_info disagrees with what is computed, the computed number wins.
 * Throws `onnx/invalid-graph` on a cycle and on attributes that make no sense.
 */
export function inferShapes(
  model: Model,
  bindings: ReadonlyMap<string, number> = new Map(),
): ReadonlyMap<string, TensorType> {
  const flat = inlineFunctions(model);
  const inference: Inference = { opsets: flat.opsets, bindings, types: new Map(), bodies: new Set(), repeated: 0 };
  const given = flat.graph.inputs.map(() => undefined);
  inferGraph(flat.graph, given, { values: new Map() }, inference);
  return inference.types;
}

/**
 * As `inferShapes`, for the values of the outer graph, with the elements of small ones where they are known. `model` must be
 * without functions of its own. `known`: elements of inputs, where sizes depend on them (how many tokens a mask leaves).
 */
export function inferValues(
  model: Model,
  bindings: ReadonlyMap<string, number> = new Map(),
  known: ReadonlyMap<string, readonly number[]> = new Map(),
): ReadonlyMap<string, Value> {
  const inference: Inference = { opsets: model.opsets, bindings, types: new Map(), bodies: new Set(), repeated: 0 };
  const scope = { values: new Map<string, Value>() };
  const given = model.graph.inputs.map(({ name, type }) => {
    const elements = known.get(name);
    const shape = type?.shape?.map((dim) => (typeof dim === 'string' ? (evaluateDim(dim, bindings) ?? dim) : dim));
    return elements && shape ? valueOf(type?.dataType, shape, elements) : undefined;
  });
  inferGraph(model.graph, given, scope, inference);
  return scope.values;
}

/** Fills `scope`; returns the graph's outputs. `given` are values for its inputs, where the caller knows more. */
function inferGraph(
  graph: Graph,
  given: readonly (Value | undefined)[],
  scope: Scope,
  inference: Inference,
): readonly Value[] {
  const { values } = scope;
  for (const sparse of graph.sparseInitializers?.values() ?? [])
    values.set(sparse.name, valueOf(sparse.type.dataType, sparse.type.shape));
  for (const [i, input] of graph.inputs.entries()) {
    values.set(input.name, merged(given[i] ?? unknownValue, input.type, inference.bindings));
  }
  for (const tensor of graph.initializers.values()) values.set(tensor.name, constantValue(tensor));
  const declared = declaredTypes(graph);
  for (const node of sorted(graph)) {
    const outputs = inferNode(node, scope, inference);
    node.outputs.forEach((name, i) => {
      if (name !== '') values.set(name, merged(sane(outputs[i]), declared.get(name)?.type, inference.bindings));
    });
  }
  for (const [name, { dataType, shape }] of values)
    if (dataType && (!scope.outer || !inference.types.has(name))) inference.types.set(name, { dataType, shape });
  return graph.outputs.map(({ name }) => lookUp(name, scope) ?? unknownValue);
}

function inferNode(node: Node, scope: Scope, inference: Inference): readonly (Value | undefined)[] {
  const rule = shapeRule(node);
  if (!rule) return [];
  const call: OpCall = {
    node,
    opset: inference.opsets.get(node.domain) ?? 0,
    inputs: node.inputs.map((name) => (name === '' ? undefined : (lookUp(name, scope) ?? unknownValue))),
    inferBody: (body, inputs) => {
      if (inference.bodies.has(body)) inference.repeated += 1 + body.nodes.length + body.inputs.length;
      inference.bodies.add(body);
      return inference.repeated > maxRepeated
        ? []
        : inferGraph(body, inputs, { values: new Map(), outer: scope }, inference);
    },
  };
  try {
    return rule(call);
  } catch (cause) {
    if (cause instanceof StudioError) throw cause;
    throw new StudioError(
      'onnx/invalid-graph',
      `Inputs and attributes of the ${node.opType} node '${node.name}' do not fit together.`,
      { node: node.name, opType: node.opType },
      { cause },
    );
  }
}

function lookUp(name: string, scope: Scope): Value | undefined {
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    const value = at.values.get(name);
    if (value) return value;
  }
  return undefined;
}

function declaredTypes(graph: Graph): ReadonlyMap<string, ValueInfo> {
  return new Map([...graph.valueInfo, ...graph.outputs.map((output) => [output.name, output] as const)]);
}

/** Nodes in a valid order; the file's own where it is one, as ONNX demands. */
function sorted(graph: Graph): readonly Node[] {
  const later = new Set(graph.nodes.flatMap((node) => node.outputs));
  for (const node of graph.nodes) {
    if (node.inputs.some((name) => name !== '' && later.has(name)) || hasSubgraph(node)) return topologicalOrder(graph);
    for (const name of node.outputs) later.delete(name);
  }
  return graph.nodes;
}

/** Dimensions that no tensor can have come from attributes that make no sense: they are unknown. */
function sane(value: Value | undefined): Value {
  if (!value?.shape || value.tensor) return value ?? unknownValue;
  if (value.shape.length > maxRank) return valueOf(value.dataType, null);
  const possible = (dim: Dim | undefined): Dim =>
    typeof dim === 'number' ? (Number.isSafeInteger(dim) && dim >= 0 ? dim : null) : (dim ?? null);
  const shape = value.shape.every((dim) => possible(dim) === dim) ? value.shape : value.shape.map(possible);
  const made = valueOf(value.dataType, shape, value.elements?.length === product(shape) ? value.elements : undefined);
  return value.nonZeros === undefined ? made : { ...made, nonZeros: value.nonZeros };
}

/** What was computed, completed by what the file says. */
function merged(value: Value, declared: TensorType | undefined, bindings: ReadonlyMap<string, number>): Value {
  if (!declared) return value;
  const dataType = value.dataType ?? declared.dataType;
  if (!declared.shape) return value.dataType ? value : { ...value, dataType };
  const bound = declared.shape.map((dim) => (typeof dim === 'string' ? (evaluateDim(dim, bindings) ?? dim) : dim));
  if (!value.shape) return valueOf(dataType, bound);
  if (value.shape.length !== bound.length || value.shape.every((dim) => typeof dim === 'number'))
    return value.dataType ? value : { ...value, dataType };
  // An exporter that has a name for a count uses it elsewhere too.
  const better = (dim: Dim, said: Dim) =>
    typeof dim === 'number'
      ? dim
      : typeof said === 'number' || (said !== null && isCounted(dim))
        ? said
        : (dim ?? said);
  const shape = value.shape.map((dim, i) => better(dim, bound[i] ?? null));
  return valueOf(dataType, shape, elementsOf(value));
}
