/**
 * A graph at fixed sizes: functions inlined, symbolic dimensions replaced, shape arithmetic folded to constants, and an
 * `If` whose condition is then known replaced by its branch. Weights are not folded. Nothing is run.
 */
import { present } from '../../errors/present';
import { elementCount } from '../../onnx/dataTypes';
import { renameUses, topologicalOrder } from '../../onnx/graph';
import { inlineFunctions } from '../../onnx/inlineFunctions';
import type { Graph, Model, Node, Tensor, ValueInfo } from '../../onnx/model';
import { inferValues } from '../../onnx/shapes/inferShapes';
import { graphAttribute } from '../../onnx/shapes/OpCall';
import { isConcrete, numbersOf, type Value } from '../../onnx/shapes/Value';
import type { StaticType } from './GraphWriter';

export interface StaticGraph {
  /** Without functions; its inputs have numbers for sizes. */
  readonly model: Model;
  /** Values whose type and sizes are all known. */
  readonly types: Map<string, StaticType>;
  /** What is known of each value, elements of small integer ones included. */
  readonly values: ReadonlyMap<string, Value>;
}

export interface Sizes {
  /** Sizes of symbolic dimensions. */
  readonly bindings?: ReadonlyMap<string, number>;
  /** Elements of inputs that sizes depend on, as of a mask: the graph is then right for these alone. */
  readonly inputValues?: ReadonlyMap<string, readonly number[]>;
}

/** Initializers of the names `asInputs` become inputs, so that nothing computed from them counts as constant. */
export function fixSizes(
  given: Model,
  { bindings, inputValues }: Sizes = {},
  asInputs: ReadonlySet<string> = new Set(),
): StaticGraph {
  let model = withInputs(inlineFunctions(given), asInputs);
  let values = inferValues(model, bindings, inputValues);
  for (let known = knownBranches(model.graph, values); known.size > 0; known = knownBranches(model.graph, values)) {
    model = { ...model, graph: withBranches(model.graph, known) };
    values = inferValues(model, bindings, inputValues);
  }
  const sized = (value: ValueInfo): ValueInfo => withSizes(value, values.get(value.name));
  const folded = folding(model.graph, values);
  const graph: Graph = {
    ...model.graph,
    inputs: model.graph.inputs.map(sized),
    outputs: model.graph.outputs.map(sized),
    nodes: topologicalOrder({ ...model.graph, nodes: model.graph.nodes.filter((node) => !folded.nodes.has(node)) }),
    initializers: new Map([...model.graph.initializers, ...folded.initializers]),
    valueInfo: new Map(),
  };
  const types = new Map<string, StaticType>();
  for (const [name, { dataType, shape }] of values)
    if (dataType && shape && isConcrete(shape)) types.set(name, { dataType, shape });
  return { model: { ...model, graph }, types, values };
}

function withInputs(model: Model, names: ReadonlySet<string>): Model {
  if (names.size === 0) return model;
  const { graph } = model;
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const added = [...names].filter((name) => !inputs.has(name) && graph.initializers.has(name));
  return {
    ...model,
    graph: {
      ...graph,
      inputs: [
        ...graph.inputs,
        ...added.map((name): ValueInfo => {
          const { dims, dataType } = present(graph.initializers.get(name));
          const half = dataType === 'float16' || dataType === 'bfloat16';
          return { name, type: { dataType: half ? 'float32' : dataType, shape: dims } };
        }),
      ],
      initializers: new Map([...graph.initializers].filter(([name]) => !names.has(name))),
    },
  };
}

const withSizes = (value: ValueInfo, known: Value | undefined): ValueInfo =>
  known?.dataType && known.shape ? { ...value, type: { dataType: known.dataType, shape: known.shape } } : value;

/** Every `If` whose condition is known -> the branch taken. */
function knownBranches(graph: Graph, values: ReadonlyMap<string, Value>): ReadonlyMap<Node, Graph> {
  const known = new Map<Node, Graph>();
  for (const node of graph.nodes) {
    if (node.opType !== 'If') continue;
    const condition = numbersOf(values.get(present(node.inputs[0])))?.[0];
    const branch =
      condition === undefined ? undefined : graphAttribute(node, condition ? 'then_branch' : 'else_branch');
    if (branch) known.set(node, branch);
  }
  return known;
}

function withBranches(graph: Graph, branches: ReadonlyMap<Node, Graph>): Graph {
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const body = branches.get(node);
    if (!body) return [node];
    const prefix = `${present(node.outputs[0])}/`;
    const own = new Set([...body.initializers.keys(), ...body.nodes.flatMap(({ outputs }) => outputs)]);
    const inner = (name: string): string => (own.has(name) ? prefix + name : name);
    for (const tensor of body.initializers.values())
      initializers.set(inner(tensor.name), { ...tensor, name: inner(tensor.name) });
    const moved = body.nodes.map(
      (part): Node => ({
        ...renameUses(part, inner),
        outputs: part.outputs.map((name) => (name === '' ? '' : inner(name))),
      }),
    );
    const results = node.outputs.map(
      (output, i): Node => ({
        name: `Identity:${output}`,
        domain: '',
        opType: 'Identity',
        inputs: [inner(present(body.outputs[i]).name)],
        outputs: [output],
        attributes: new Map(),
      }),
    );
    return [...moved, ...results];
  });
  return { ...graph, nodes, initializers };
}

/** Larger constants stay computed: it is sizes that are folded, not tables. */
const maxFolded = 64;

interface Folding {
  readonly nodes: ReadonlySet<Node>;
  readonly initializers: ReadonlyMap<string, Tensor>;
}

/** Nodes of which every output is a known small integer tensor. */
function folding(graph: Graph, values: ReadonlyMap<string, Value>): Folding {
  const nodes = new Set<Node>();
  const initializers = new Map<string, Tensor>();
  for (const node of graph.nodes) {
    if (node.opType === 'Constant') continue;
    const tensors = node.outputs.map((name) => foldedTensor(name, values.get(name)));
    if (!tensors.every((tensor) => tensor !== undefined)) continue;
    nodes.add(node);
    for (const tensor of tensors) initializers.set(tensor.name, tensor);
  }
  return { nodes, initializers };
}

function foldedTensor(name: string, value: Value | undefined): Tensor | undefined {
  const shape = value?.shape;
  if (!shape || !isConcrete(shape) || elementCount(shape) > maxFolded) return undefined;
  const bytes = bytesOf(value, numbersOf(value));
  return bytes && { name, dataType: present(value.dataType), dims: shape, data: { kind: 'inline', bytes } };
}

function bytesOf({ dataType }: Value, numbers: readonly number[] | undefined): Uint8Array | undefined {
  if (!numbers) return undefined;
  if (dataType === 'int64') return new Uint8Array(BigInt64Array.from(numbers, toInt64).buffer);
  if (dataType === 'int32') return new Uint8Array(Int32Array.from(numbers).buffer);
  return dataType === 'bool' ? Uint8Array.from(numbers, (flag) => (flag ? 1 : 0)) : undefined;
}

/** Ends of slices are the largest integer there is, which is no number of JavaScript's. */
const toInt64 = (value: number): bigint => {
  const limit = 2n ** 63n - 1n;
  const integer = BigInt(value);
  if (integer > limit) return limit;
  return integer < -limit ? -limit - 1n : integer;
};
