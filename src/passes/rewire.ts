/** Replaces uses of values by other values: in node inputs, in subgraph captures, and at graph outputs. */
import type { Rewire } from '../blocks/block';
import { freshNames } from '../onnx/freshNames';
import { renameUses } from '../onnx/graph';
import type { Graph, Node } from '../onnx/model';

/** Nothing is removed. A graph output that is replaced keeps its name through an Identity. `rewires` must be resolved. */
export function rewire(graph: Graph, rewires: readonly Rewire[]): Graph {
  const entryOf = new Map(rewires.map(({ exit, entry }) => [exit, entry]));
  const renamed = (name: string) => entryOf.get(name) ?? name;
  const outputs = new Set(graph.outputs.map(({ name }) => name).filter((name) => entryOf.has(name)));
  const fresh = freshNames(graph);
  const nodes: Node[] = graph.nodes.map((node) => {
    const moved = renameUses(node, renamed);
    // The output's name passes to the Identity below.
    return outputs.size > 0 && node.outputs.some((name) => outputs.has(name))
      ? { ...moved, outputs: moved.outputs.map((name) => (outputs.has(name) ? fresh(`${name}:dropped`) : name)) }
      : moved;
  });
  for (const name of outputs) nodes.push(identity(renamed(name), name, fresh(`Identity:${name}`)));
  return { ...graph, nodes };
}

export function identity(input: string, output: string, name: string): Node {
  return {
    name,
    domain: '',
    opType: 'Identity',
    inputs: [input],
    outputs: [output],
    attributes: new Map(),
  };
}
