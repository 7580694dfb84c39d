/**
 * Derived views of a graph: who makes a value, who uses it, what a subgraph captures, what is dead. Pure functions;
 * a node's subgraphs (If, Loop, Scan bodies) count as uses by that node.
 */
import { StudioError } from '../errors/StudioError';
import type { Attribute, Graph, Node, ValueInfo } from './model';

/** The inputs that take data: not those that an initializer gives their value. */
export const dataInputs = ({ inputs, initializers }: Graph): readonly ValueInfo[] =>
  inputs.filter(({ name }) => !initializers.has(name));

/** The first of them. Throws `onnx/invalid-graph`. */
export function firstInput(graph: Graph): ValueInfo {
  const [input] = dataInputs(graph);
  if (!input) throw new StudioError('onnx/invalid-graph', 'The graph has no input that takes data.');
  return input;
}

/** Throws `onnx/invalid-graph`. */
export function firstOutput({ outputs: [output] }: Graph): ValueInfo {
  if (!output) throw new StudioError('onnx/invalid-graph', 'The graph has no output.');
  return output;
}

/** Value name -> the node of `graph` (not of its subgraphs) that makes it. */
export function producers(graph: Graph): ReadonlyMap<string, Node> {
  const map = new Map<string, Node>();
  for (const node of graph.nodes) for (const output of node.outputs) if (output !== '') map.set(output, node);
  return map;
}

/** Value name -> nodes that read it, captures by subgraphs included; each node once per value. */
export function consumers(graph: Graph): ReadonlyMap<string, readonly Node[]> {
  const map = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const name of new Set(usedNames(node))) {
      const users = map.get(name);
      if (users) users.push(node);
      else map.set(name, [node]);
    }
  }
  return map;
}

/** Everything a node reads: its inputs and what its subgraphs capture. '' never appears. */
export function usedNames(node: Node): string[] {
  const names = node.inputs.filter((name) => name !== '');
  for (const attribute of node.attributes.values())
    for (const body of subgraphs(attribute)) names.push(...capturedNames(body));
  return names;
}

export function subgraphs(attribute: Attribute): readonly Graph[] {
  if (attribute.kind === 'graph') return [attribute.value];
  return attribute.kind === 'graphs' ? attribute.value : [];
}

export function hasSubgraph(node: Node): boolean {
  for (const attribute of node.attributes.values()) if (subgraphs(attribute).length > 0) return true;
  return false;
}

/** Names that a subgraph reads from the graphs around it. */
export function capturedNames(body: Graph): ReadonlySet<string> {
  const own = new Set<string>([...body.inputs.map(({ name }) => name), ...body.initializers.keys()]);
  for (const node of body.nodes) for (const output of node.outputs) own.add(output);
  const captured = new Set<string>();
  for (const node of body.nodes) for (const name of usedNames(node)) if (!own.has(name)) captured.add(name);
  for (const { name } of body.outputs) if (!own.has(name)) captured.add(name);
  return captured;
}

/** A node with every use of a value renamed, in its subgraphs too (where the subgraph does not shadow the name). */
export function renameUses(node: Node, renamed: (name: string) => string): Node {
  const inputs = node.inputs.map((name) => (name === '' ? '' : renamed(name)));
  if (!hasSubgraph(node)) return { ...node, inputs };
  const attributes = new Map(
    [...node.attributes].map(([key, attribute]) => [key, renameInAttribute(attribute, renamed)]),
  );
  return { ...node, inputs, attributes };
}

function renameInAttribute(attribute: Attribute, renamed: (name: string) => string): Attribute {
  if (attribute.kind === 'graph') return { ...attribute, value: renameInBody(attribute.value, renamed) };
  if (attribute.kind === 'graphs')
    return { ...attribute, value: attribute.value.map((body) => renameInBody(body, renamed)) };
  return attribute;
}

function renameInBody(body: Graph, renamed: (name: string) => string): Graph {
  const captured = capturedNames(body);
  const rename = (name: string) => (captured.has(name) ? renamed(name) : name);
  return {
    ...body,
    nodes: body.nodes.map((node) => renameUses(node, rename)),
    outputs: body.outputs.map((output) => ({ ...output, name: rename(output.name) })),
  };
}

/** Nodes in an order in which every value is made before it is used. Throws `onnx/invalid-graph` on a cycle. */
export function topologicalOrder(graph: Graph): readonly Node[] {
  const madeBy = producers(graph);
  const ordered: Node[] = [];
  const state = new Map<Node, 'open' | 'done'>();
  for (const root of graph.nodes) {
    const stack: Node[] = [root];
    for (let node = stack.at(-1); node; node = stack.at(-1)) {
      if (state.get(node) === 'done') {
        stack.pop();
        continue;
      }
      const pending = usedNames(node)
        .map((name) => madeBy.get(name))
        .filter((maker) => maker !== undefined && state.get(maker) !== 'done') as Node[];
      if (pending.length === 0) {
        state.set(node, 'done');
        ordered.push(node);
        stack.pop();
        continue;
      }
      if (state.get(node) === 'open' && pending.some((maker) => state.get(maker) === 'open')) {
        throw new StudioError(
          'onnx/invalid-graph',
          `The graph has a cycle through the node ${node.name || node.opType}.`,
          { node: node.name },
        );
      }
      state.set(node, 'open');
      stack.push(...pending);
    }
  }
  return ordered;
}

/**
 * The graph without nodes that no output needs, and without what only they used: initializers, value infos,
 * quantisation annotations. Graph inputs that carry data all stay; one that an initializer gives its value (IR 3
 * lists every weight so, later ones those that may be overridden) goes with it.
 */
export function removeDeadCode(graph: Graph): Graph {
  const madeBy = producers(graph);
  const live = new Set<Node>();
  const names = new Set<string>();
  const pending = graph.outputs.map(({ name }) => name);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (names.has(name)) continue;
    names.add(name);
    const node = madeBy.get(name);
    if (!node || live.has(node)) continue;
    live.add(node);
    pending.push(...usedNames(node));
  }
  const made = new Set<string>(
    graph.inputs.flatMap(({ name }) => (graph.initializers.has(name) && !names.has(name) ? [] : [name])),
  );
  for (const node of live) for (const output of node.outputs) made.add(output);
  const annotated = [...(graph.quantization ?? [])].filter(([name]) => names.has(name) || made.has(name));
  for (const [, parameters] of annotated) for (const name of parameters.values()) names.add(name);
  const { quantization: _quantization, sparseInitializers: _sparse, ...kept } = graph;
  const isDead = (name: string): boolean =>
    !names.has(name) && (graph.initializers.has(name) || (graph.sparseInitializers?.has(name) ?? false));
  const sparse = [...(graph.sparseInitializers ?? [])].filter(([name]) => names.has(name));
  return {
    ...kept,
    inputs: graph.inputs.filter(({ name }) => !isDead(name)),
    nodes: graph.nodes.filter((node) => live.has(node)),
    initializers: new Map([...graph.initializers].filter(([name]) => names.has(name))),
    ...(sparse.length > 0 ? { sparseInitializers: new Map(sparse) } : {}),
    valueInfo: new Map(
      [...graph.valueInfo].filter(([name]) => made.has(name) || (names.has(name) && graph.initializers.has(name))),
    ),
    ...(annotated.length > 0 ? { quantization: new Map(annotated) } : {}),
  };
}

/** Every name in use, subgraphs included: what a new name must avoid. */
export function allNames(graph: Graph): Set<string> {
  const names = new Set<string>([...graph.initializers.keys(), ...graph.inputs.map(({ name }) => name)]);
  for (const node of graph.nodes) {
    for (const output of node.outputs) names.add(output);
    for (const attribute of node.attributes.values())
      for (const body of subgraphs(attribute)) for (const name of allNames(body)) names.add(name);
  }
  return names;
}
