/** New names for what a pass adds: none that a value, a node or a dimension of the graph bears, in subgraphs too. */
import { subgraphs } from './graph';
import type { Graph, Node } from './model';

/** Gives the wanted name, or the first of `wanted_2`, `wanted_3`, ... that is free; each name once. */
export type FreshName = (wanted: string) => string;

/** Looks at the graph when it is first asked: most passes add nothing. */
export function freshNames(graph: Graph): FreshName {
  let taken: Set<string> | undefined;
  const next = new Map<string, number>();
  return (wanted) => {
    taken ??= namesIn(graph, new Set());
    let name = wanted;
    for (let count = next.get(wanted) ?? 2; taken.has(name); count++) {
      name = `${wanted}_${count}`;
      next.set(wanted, count + 1);
    }
    taken.add(name);
    return name;
  };
}

function namesIn(graph: Graph, names: Set<string>): Set<string> {
  for (const { name } of [...graph.inputs, ...graph.outputs]) names.add(name);
  for (const map of [graph.initializers, graph.sparseInitializers, graph.valueInfo, graph.quantization])
    for (const name of map?.keys() ?? []) names.add(name);
  for (const node of graph.nodes) nodeNames(node, names);
  return names;
}

function nodeNames(node: Node, names: Set<string>): void {
  names.add(node.name);
  for (const name of [...node.inputs, ...node.outputs]) names.add(name);
  for (const attribute of node.attributes.values()) for (const body of subgraphs(attribute)) namesIn(body, names);
}
