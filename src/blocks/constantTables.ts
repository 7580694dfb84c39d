/**
 * Constants that exporters compute from nothing, such as the sinusoids of frame numbers: a model multiplies them by its
 * weights as it does with data. They lie in the file as weights do and were never trained.
 */
import { present } from '../errors/present';
import { consumers, producers, usedNames } from '../onnx/graph';
import type { Graph, Node } from '../onnx/model';
import { canHoldWeights } from './operators';

/** Names of initializers that reach nothing but the data side of products with weights. */
export function constantTables(graph: Graph): ReadonlySet<string> {
  const constants = constantValues(graph);
  const isConstant = (node: Node) => constants.has(node.outputs[0] ?? '');
  const products = graph.nodes.filter((node) => canHoldWeights(node) && isConstant(node));
  if (products.length === 0) return new Set();
  const users = consumers(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const reachable = (node: Node): readonly Node[] => node.outputs.flatMap((name) => users.get(name) ?? []);
  /** Two weights multiplied make a third. */
  const makesWeight = memoised((node: Node): boolean =>
    reachable(node).some((user) =>
      isConstant(user) ? makesWeight(user) : canHoldWeights(user) && !node.outputs.includes(user.inputs[0] ?? ''),
    ),
  );
  const isTable = memoised((name: string): boolean => {
    const readers = users.get(name) ?? [];
    return (
      readers.length > 0 &&
      !outputs.has(name) &&
      readers.every((user) => {
        if (!isConstant(user)) return false;
        if (canHoldWeights(user))
          return user.inputs[0] === name && !user.inputs.includes(name, 1) && !makesWeight(user);
        return user.outputs.filter((output) => output !== '' && users.has(output)).every(isTable);
      })
    );
  });
  return new Set(initializersBehind(graph, products).filter(isTable));
}

/** Initializers, and what nodes make of nothing else; nodes in the order of the file. */
function constantValues(graph: Graph): ReadonlySet<string> {
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const constants = new Set([...graph.initializers.keys()].filter((name) => !inputs.has(name)));
  for (const node of graph.nodes) {
    if (usedNames(node).every((name) => constants.has(name)))
      for (const name of node.outputs) if (name !== '') constants.add(name);
  }
  return constants;
}

/** What the data sides of these products are computed from. */
function initializersBehind(graph: Graph, products: readonly Node[]): readonly string[] {
  const made = producers(graph);
  const seen = new Set<string>();
  const pending = products.flatMap(({ inputs }) => inputs.slice(0, 1));
  while (pending.length > 0) {
    const name = present(pending.pop());
    if (seen.has(name)) continue;
    seen.add(name);
    const maker = made.get(name);
    if (maker) pending.push(...usedNames(maker));
  }
  return [...seen].filter((name) => graph.initializers.has(name) || made.get(name)?.opType === 'Constant');
}

function memoised<K, V>(compute: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    if (!known.has(key)) known.set(key, compute(key));
    return present(known.get(key));
  };
}
