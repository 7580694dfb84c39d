/**
 * A way around an error of onnxruntime (seen in 1.30 and 1.32, at every optimisation level): of two Casts in a row that
 * undo each other it removes the second without telling the branches that read it, and a run fails with "Missing Input".
 * So a branch gets its own copy of a Cast that follows a Cast outside.
 */
import { present } from '../errors/present';
import { type FreshName, freshNames } from '../onnx/freshNames';
import { capturedNames, producers, renameUses, topologicalOrder } from '../onnx/graph';
import type { Attribute, Graph, Node } from '../onnx/model';

/** The graph with no branch, at any depth, that reads the second of two Casts in a row of a graph around it. */
export function castsIntoBranches(graph: Graph, fresh = freshNames(graph)): Graph {
  const madeBy = producers(graph);
  const castOf = (name: string): Node | undefined =>
    madeBy.get(name)?.opType === 'Cast' ? madeBy.get(name) : undefined;
  const secondCast = (name: string): Node | undefined => {
    const cast = castOf(name);
    return cast && castOf(present(cast.inputs[0])) ? cast : undefined;
  };
  const inNode = (node: Node): Node => {
    const attributes = new Map(
      [...node.attributes].map(([key, attribute]): [string, Attribute] => [
        key,
        attribute.kind === 'graph'
          ? {
              ...attribute,
              value: castsIntoBranches(
                withCopies(attribute.value, `${present(node.outputs[0])}:${key}`, secondCast, fresh),
                fresh,
              ),
            }
          : attribute,
      ]),
    );
    return { ...node, attributes };
  };
  return {
    ...graph,
    nodes: graph.nodes.map((node) =>
      [...node.attributes.values()].some(({ kind }) => kind === 'graph') ? inNode(node) : node,
    ),
  };
}

/** `place`: where the copies are, for their names. */
function withCopies(
  body: Graph,
  place: string,
  secondCast: (name: string) => Node | undefined,
  fresh: FreshName,
): Graph {
  const read = new Set([...capturedNames(body)].filter(secondCast));
  for (const name of read)
    if (secondCast(present(present(secondCast(name)).inputs[0])))
      read.add(present(present(secondCast(name)).inputs[0])); // what a copy reads
  if (read.size === 0) return body;
  const names = new Map([...read].map((name) => [name, fresh(`${name}:in:${place}`)]));
  const renamed = (name: string) => names.get(name) ?? name;
  const copyOf = (name: string): Node => {
    const cast = present(secondCast(name));
    return { ...cast, name: renamed(name), inputs: cast.inputs.map(renamed), outputs: [renamed(name)] };
  };
  const copied = { ...body, nodes: [...[...read].map(copyOf), ...body.nodes.map((node) => renameUses(node, renamed))] };
  return { ...copied, nodes: topologicalOrder(copied) };
}
