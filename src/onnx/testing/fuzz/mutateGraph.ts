/**
 * Damage that knows what a graph means: edges swapped or turned back into cycles, names given twice, attributes of another
 * type, other sizes, subgraphs inside subgraphs, functions that call themselves, weights that lie somewhere else. Most of
 * it passes the reader, and much the check, so that it reaches what is behind them.
 */
import type { Attribute, DataType, Dim, Graph, Model, Node, Tensor, TensorData, ValueInfo } from '../../model';
import type { Random } from './random';

type Change = (model: Model, random: Random) => Model;

const sizes: readonly Dim[] = [0, 1, 2, 3, 7, 64, 1025, 65536, 2 ** 31, 2 ** 40, 2 ** 53 - 1, null, 'frames', 'n', ''];
const types: readonly DataType[] = ['float32', 'float16', 'int64', 'int8', 'bool', 'string', 'bfloat16', 'int4'];
const attributeValues: readonly Attribute[] = [
  { kind: 'int', value: -1n },
  { kind: 'int', value: 2n ** 62n },
  { kind: 'float', value: NaN },
  { kind: 'ints', value: [] },
  { kind: 'ints', value: [-1n, 0n, 2n ** 63n - 1n] },
  { kind: 'ints', value: Array.from({ length: 2000 }, () => 1n) },
  { kind: 'floats', value: [Infinity, -0, 1e-45] },
  { kind: 'string', value: new Uint8Array([0xff, 0xfe]) },
  { kind: 'strings', value: [new Uint8Array(0)] },
];

const changeNodes = (model: Model, nodes: readonly Node[]): Model => ({ ...model, graph: { ...model.graph, nodes } });

/** The model with one node replaced. */
function changeNode(model: Model, random: Random, change: (node: Node) => Node): Model {
  const { nodes } = model.graph;
  const at = random.index(nodes.length);
  return nodes.length === 0 ? model : changeNodes(model, nodes.with(at, change(nodes[at]!)));
}

function someValue({ graph }: Model, random: Random): string {
  const node = random.pick(graph.nodes);
  const values = [...(node?.outputs ?? []), ...(node?.inputs ?? []), ...graph.inputs.map(({ name }) => name)];
  return values.length > 0 ? random.pick(values) : 'x';
}

const rewire: Change = (model, random) =>
  changeNode(model, random, (node) => {
    if (node.inputs.length === 0) return { ...node, inputs: [someValue(model, random)] };
    const at = random.index(node.inputs.length);
    return { ...node, inputs: node.inputs.with(at, random.chance(0.1) ? '' : someValue(model, random)) };
  });

const swapEdges: Change = (model, random) => {
  const { nodes } = model.graph;
  const [a, b] = [random.index(nodes.length), random.index(nodes.length)];
  const [left, right] = [nodes[a], nodes[b]];
  if (!left || !right || left.inputs.length === 0 || right.inputs.length === 0) return model;
  const [i, j] = [random.index(left.inputs.length), random.index(right.inputs.length)];
  const swapped = nodes.with(a, { ...left, inputs: left.inputs.with(i, right.inputs[j]!) });
  return changeNodes(model, swapped.with(b, { ...swapped[b]!, inputs: swapped[b]!.inputs.with(j, left.inputs[i]!) }));
};

/** A node reads what it makes, or what is made behind it. */
const turnBack: Change = (model, random) => {
  const { nodes } = model.graph;
  const at = random.index(nodes.length);
  const later = nodes[at + random.index(nodes.length - at)];
  const node = nodes[at];
  if (!node || node.inputs.length === 0 || !later || later.outputs.length === 0) return model;
  const inputs = node.inputs.with(random.index(node.inputs.length), random.pick(later.outputs));
  return changeNodes(model, nodes.with(at, { ...node, inputs }));
};

const repeatName: Change = (model, random) =>
  changeNode(model, random, (node) => {
    const other = random.pick(model.graph.nodes);
    return random.chance(0.5)
      ? { ...node, name: other.name }
      : { ...node, outputs: node.outputs.map(() => other.outputs[0] ?? '') };
  });

const renameAsParent: Change = (model, random) =>
  changeNode(model, random, (node) => ({
    ...node,
    name: random.pick(['', '/', '/blocks.0/', '/blocks.0/blocks.0/Add', '/a/b/c/d/e/f/Conv', 'x'.repeat(100_000)]),
  }));

const retype: Change = (model, random) =>
  changeNode(model, random, (node) => {
    const names = [...node.attributes.keys(), 'axis', 'axes', 'perm', 'to', 'pads', 'body', 'equation'];
    return { ...node, attributes: new Map(node.attributes).set(random.pick(names), random.pick(attributeValues)) };
  });

const otherOperator: Change = (model, random) =>
  changeNode(model, random, (node) => ({
    ...node,
    opType: random.pick([random.pick(model.graph.nodes).opType, 'Add', 'Concat', 'Reshape', 'If', 'Loop', 'Nothing']),
    domain: random.chance(0.1) ? 'com.microsoft' : node.domain,
  }));

const resize = (info: ValueInfo, random: Random): ValueInfo => {
  if (random.chance(0.1)) return { name: info.name };
  const shape = info.type?.shape ?? [];
  const changed = random.chance(0.2)
    ? [...shape, random.pick(sizes)]
    : shape.map((dim) => (random.chance(0.4) ? random.pick(sizes) : dim));
  return {
    ...info,
    type: {
      dataType: random.chance(0.2) ? random.pick(types) : (info.type?.dataType ?? 'float32'),
      shape: random.chance(0.1) ? null : changed,
    },
  };
};

const resizeValues: Change = (model, random) => ({
  ...model,
  graph: {
    ...model.graph,
    inputs: model.graph.inputs.map((info) => (random.chance(0.5) ? resize(info, random) : info)),
    outputs: model.graph.outputs.map((info) => (random.chance(0.3) ? resize(info, random) : info)),
    valueInfo: new Map(
      [...model.graph.valueInfo].map(([name, info]) => [name, random.chance(0.1) ? resize(info, random) : info]),
    ),
  },
});

function changeTensor(model: Model, random: Random, change: (tensor: Tensor) => Tensor): Model {
  const names = [...model.graph.initializers.keys()];
  if (names.length === 0) return model;
  const name = random.pick(names);
  const initializers = new Map(model.graph.initializers);
  return { ...model, graph: { ...model.graph, initializers: initializers.set(name, change(initializers.get(name)!)) } };
}

const resizeWeight: Change = (model, random) =>
  changeTensor(model, random, (tensor) => ({
    ...tensor,
    dataType: random.chance(0.3) ? random.pick(types) : tensor.dataType,
    dims: tensor.dims.map((dim) => (random.chance(0.5) ? random.pick([0, 1, 3, 2 ** 31, 2 ** 40, 2 ** 53 - 1]) : dim)),
  }));

const places = ['', '.', '..', '../w', '/etc/passwd', 'C:\\w', 'a/../../w', 'w', './/w', 'w\u0000', 'n'.repeat(5000)];

const moveWeight: Change = (model, random) =>
  changeTensor(model, random, (tensor) => {
    const at = random.pick([0, 1, -1, 4096, 2 ** 53 - 1]);
    const data: TensorData = {
      kind: 'external',
      location: random.pick(places),
      offsetBytes: at,
      lengthBytes: random.pick([0, 1, 4, 2 ** 40, 2 ** 53 - 1]),
      ...(random.chance(0.3)
        ? {
            entries: new Map([
              ['checksum', 'x'],
              ['basepath', '..'],
            ]),
          }
        : {}),
    };
    return { ...tensor, data };
  });

/** All nodes in the branch of an If, that in another's, and so on. */
const nest: Change = (model, random) => {
  let { nodes } = model.graph;
  const outputs = model.graph.outputs;
  const depth = random.pick([1, 2, 3, 20, 200, 1000]);
  for (let level = 0; level < depth; level++) {
    const branch: Graph = {
      name: `g${level}`,
      nodes,
      initializers: new Map(),
      inputs: [],
      outputs,
      valueInfo: new Map(),
    };
    const attributes = new Map<string, Attribute>([['then_branch', { kind: 'graph', value: branch }]]);
    if (random.chance(0.9)) attributes.set('else_branch', { kind: 'graph', value: { ...branch, nodes: [] } });
    const names = outputs.map(({ name }) => name);
    nodes = [{ name: `if${level}`, domain: '', opType: 'If', inputs: ['condition'], outputs: names, attributes }];
  }
  return changeNodes(model, nodes);
};

/** Functions that call each other, in a circle or as a tower that doubles. */
const callFunctions: Change = (model, random) => {
  const count = random.pick([1, 2, 12, 40]);
  const circle = random.chance(0.4);
  const call = (at: number, input: string, output: string): Node => ({
    name: random.chance(0.5) ? '' : `call${at}`,
    domain: 'fuzz',
    opType: `F${at}`,
    inputs: [input],
    outputs: [output],
    attributes: new Map(),
  });
  const functions = Array.from({ length: count }, (_, at) => {
    const next = at + 1 < count ? at + 1 : circle ? 0 : undefined;
    const end: Node = { name: '', domain: '', opType: 'Relu', inputs: ['m'], outputs: ['y'], attributes: new Map() };
    const nodes = next === undefined ? [{ ...end, inputs: ['x'] }] : [call(next, 'x', 'm'), call(next, 'm', 'k'), end];
    return { name: `F${at}`, domain: 'fuzz', inputs: ['x'], outputs: ['y'], attributes: [], nodes };
  });
  const { nodes } = model.graph;
  const node = random.pick(nodes);
  if (!node || node.inputs.length === 0) return model;
  const called = nodes.map((one) => (one === node ? { ...node, inputs: ['called', ...node.inputs.slice(1)] } : one));
  return {
    ...model,
    opsets: new Map(model.opsets).set('fuzz', 1),
    functions: functions.map((definition) => ({
      ...definition,
      attributeDefaults: new Map(),
      opsets: model.opsets,
      valueInfo: new Map(),
      docString: '',
    })) as unknown as Model['functions'],
    graph: { ...model.graph, nodes: [call(0, node.inputs[0]!, 'called'), ...called] },
  };
};

/** A piece of the graph once more, with all of its names. */
const repeatPiece: Change = (model, random) => {
  const { nodes } = model.graph;
  const start = random.index(nodes.length);
  const piece = nodes.slice(start, start + 1 + random.index(6));
  const renamed = piece.map((node) => ({ ...node, outputs: node.outputs.map((name) => `${name}'`) }));
  return changeNodes(model, [...nodes.slice(0, start), ...piece, ...renamed, ...nodes.slice(start + piece.length)]);
};

/** What is inside is given out: undeclared, twice, or instead of what was. */
const giveOut: Change = (model, random) => {
  const name = someValue(model, random);
  const outputs = random.chance(0.5) ? [...model.graph.outputs, { name }] : [{ name }];
  return { ...model, graph: { ...model.graph, outputs } };
};

const weightsAsInputs: Change = (model) => {
  const inputs = [...model.graph.initializers.values()].map(
    ({ name, dataType, dims }): ValueInfo => ({ name, type: { dataType, shape: dims } }),
  );
  return { ...model, graph: { ...model.graph, inputs: [...model.graph.inputs, ...inputs] } };
};

const changes: readonly Change[] = [
  rewire,
  rewire,
  swapEdges,
  swapEdges,
  turnBack,
  repeatName,
  repeatName,
  renameAsParent,
  retype,
  retype,
  otherOperator,
  resizeValues,
  resizeValues,
  resizeWeight,
  moveWeight,
  nest,
  callFunctions,
  repeatPiece,
  giveOut,
  weightsAsInputs,
];

/** A changed copy: one to four kinds of damage after each other. */
export function mutateGraph(model: Model, random: Random): Model {
  let changed = model;
  for (let count = 1 + random.index(4); count > 0; count--) changed = random.pick(changes)(changed, random);
  return changed;
}
