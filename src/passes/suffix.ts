/**
 * The part of a graph that has to run again when some of its inputs change: everything that depends on them, fed with
 * the values that do not. A pure pass; whoever runs it takes those values from a run of the whole graph.
 */

import { indexGraph } from '../blocks/graphIndex';
import { present } from '../errors/present';
import { removeDeadCode, usedNames } from '../onnx/graph';
import type { Model, TensorType, ValueInfo } from '../onnx/model';

export interface Suffix {
  /** Its inputs: those of the whole graph that it still reads, then `features`. Its outputs: those that change. */
  readonly model: Model;
  /** Values of the whole graph that it is fed with. */
  readonly features: readonly string[];
}

/**
 * `changed`: graph inputs. `types`: of the values, for the features' element types. Null where no output depends on
 * `changed`, or a feature's type is not known. What is computed from weights alone stays in the suffix.
 */
export function suffix(
  model: Model,
  changed: readonly string[],
  types: ReadonlyMap<string, TensorType>,
): Suffix | null {
  const { graph } = model;
  const index = indexGraph(graph);
  const { nodes, uses, producer, ids, names } = index;
  const given = new Set(
    graph.inputs.flatMap(({ name }) => (graph.initializers.has(name) ? [] : [present(ids.get(name))])),
  );
  const sources = new Set(changed.map((name) => present(ids.get(name))));
  const dynamic = new Uint8Array(nodes.length);
  const affected = new Uint8Array(nodes.length);
  const follows = (value: number, from: ReadonlySet<number>, marked: Uint8Array): boolean =>
    from.has(value) || (present(producer[value]) >= 0 && marked[present(producer[value])] === 1);
  uses.forEach((values, node) => {
    if (values.some((value) => follows(value, given, dynamic))) dynamic[node] = 1;
    if (values.some((value) => follows(value, sources, affected))) affected[node] = 1;
  });
  const outputs = graph.outputs.filter(({ name }) => follows(present(ids.get(name)), sources, affected));
  if (outputs.length === 0) return null;
  const kept = nodes.filter((_, node) => affected[node] === 1 || dynamic[node] === 0);
  const live = removeDeadCode({ ...graph, nodes: kept, outputs });
  const made = new Set(live.nodes.flatMap((node) => node.outputs));
  const used = new Set(live.nodes.flatMap(usedNames));
  const inputs = live.inputs.filter(({ name }) => used.has(name) || graph.initializers.has(name));
  const known = new Set([...inputs.map(({ name }) => name), ...live.initializers.keys(), ...made]);
  for (const name of live.sparseInitializers?.keys() ?? []) known.add(name);
  const features = names.filter((name) => used.has(name) && !known.has(name));
  if (features.some((name) => !types.has(name))) return null;
  const fed = features.map(
    (name): ValueInfo => ({ name, type: { dataType: present(types.get(name)).dataType, shape: null } }),
  );
  return { model: { ...model, graph: { ...live, inputs: [...inputs, ...fed] } }, features };
}
