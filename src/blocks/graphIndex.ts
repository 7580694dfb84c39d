/**
 * A graph by numbers: nodes in execution order and values as integers, with who makes and who uses what. Built once
 * for searches that visit tens of thousands of nodes. Knows nothing of shapes or of what nodes mean.
 */
import { present } from '../errors/present';
import { producers, topologicalOrder, usedNames } from '../onnx/graph';
import type { Graph, Node } from '../onnx/model';

export interface GraphIndex {
  readonly graph: Graph;
  /** In execution order; a node's number is its place here. */
  readonly nodes: readonly Node[];
  readonly names: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
  /** Value -> node that makes it; -1 for graph inputs and initializers. */
  readonly producer: Int32Array;
  /** Value -> nodes that read it, each once, captures by subgraphs included. */
  readonly users: readonly (readonly number[])[];
  /** Node -> values it reads, each once, captures included. */
  readonly uses: readonly (readonly number[])[];
  /** Node -> values it makes, left-out outputs not counted. */
  readonly outputs: readonly (readonly number[])[];
  /** 1 where the value is a graph output. */
  readonly isOutput: Uint8Array;
}

/** Throws `onnx/invalid-graph` on a cycle. */
export function indexGraph(graph: Graph): GraphIndex {
  const nodes = executionOrder(graph);
  const names: string[] = [];
  const ids = new Map<string, number>();
  const idOf = (name: string): number => {
    let id = ids.get(name);
    if (id === undefined) {
      id = names.push(name) - 1;
      ids.set(name, id);
    }
    return id;
  };
  for (const { name } of graph.inputs) idOf(name);
  for (const name of graph.initializers.keys()) idOf(name);
  const outputs = nodes.map((node) => node.outputs.filter((name) => name !== '').map(idOf));
  const uses = nodes.map((node) => [...new Set(usedNames(node))].map(idOf));
  for (const { name } of graph.outputs) idOf(name);
  const producer = new Int32Array(names.length).fill(-1);
  const users: number[][] = names.map(() => []);
  outputs.forEach((values, node) => values.forEach((value) => (producer[value] = node)));
  uses.forEach((values, node) => values.forEach((value) => present(users[value]).push(node)));
  const isOutput = new Uint8Array(names.length);
  for (const { name } of graph.outputs) isOutput[present(ids.get(name))] = 1;
  return { graph, nodes, names, ids, producer, users, uses, outputs, isOutput };
}

/** The file's own order where it is valid, as ONNX demands. */
function executionOrder(graph: Graph): readonly Node[] {
  const made = producers(graph);
  const done = new Set<Node>();
  for (const node of graph.nodes) {
    for (const name of usedNames(node)) {
      const maker = made.get(name);
      if (maker && !done.has(maker)) return topologicalOrder(graph);
    }
    done.add(node);
  }
  return graph.nodes;
}

/**
 * Nodes that nothing needs any more once every use of each exit is replaced by its entry: in execution order.
 * Entries stay alive whatever happens, as they gain the uses of the exits; an entry that is an exit itself passes on.
 */
export function exclusiveNodes(index: GraphIndex, exits: readonly number[], entries: readonly number[]): number[] {
  const { producer, users, uses, outputs, isOutput } = index;
  const remaining = new Map<number, number>();
  const cut = new Set(exits);
  const kept = new Set(entries.filter((value) => !cut.has(value)).map((value) => present(producer[value])));
  const dead: number[] = [];
  const lose = (node: number, count: number): void => {
    if (node < 0 || kept.has(node)) return;
    const before =
      remaining.get(node) ??
      present(outputs[node]).reduce((sum, value) => sum + present(users[value]).length + present(isOutput[value]), 0);
    remaining.set(node, before - count);
    if (before - count === 0 && before > 0) dead.push(node);
  };
  for (const exit of cut) lose(present(producer[exit]), present(users[exit]).length + present(isOutput[exit]));
  for (let at = 0; at < dead.length; at++)
    for (const value of present(uses[present(dead[at])])) if (!cut.has(value)) lose(present(producer[value]), 1);
  return dead.sort((a, b) => a - b);
}
