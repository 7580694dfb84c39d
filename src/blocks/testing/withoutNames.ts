/** A graph as an exporter without manners leaves it: no names of nodes and values, no metadata, no value_info. */
import { renameUses } from '../../onnx/graph';
import type { Graph, Model, Node, ValueInfo } from '../../onnx/model';

export interface Nameless {
  readonly model: Model;
  /** Name of a value before -> its name now. */
  readonly rename: (name: string) => string;
}

/** Inputs and outputs lose their names too. Graphs with subgraphs that make values are not handled. */
export function withoutNames({ graph, ...model }: Model): Nameless {
  const names = new Map<string, string>();
  const rename = (name: string): string => {
    if (name === '') return '';
    if (!names.has(name)) names.set(name, `v${names.size}`);
    return names.get(name)!;
  };
  const bare = ({ name, type }: ValueInfo): ValueInfo => ({ name: rename(name), ...(type ? { type } : {}) });
  const inputs = graph.inputs.map(bare);
  const nodes = graph.nodes.map((node): Node => {
    const { metadata: _, docString: __, ...rest } = renameUses(node, rename);
    return { ...rest, name: '', outputs: node.outputs.map(rename) };
  });
  const initializers = new Map(
    [...graph.initializers].map(([name, tensor]) => [rename(name), { ...tensor, name: rename(name) }]),
  );
  const stripped: Graph = {
    name: '',
    nodes,
    initializers,
    inputs,
    outputs: graph.outputs.map(bare),
    valueInfo: new Map(),
  };
  return { model: { ...model, metadata: new Map(), graph: stripped }, rename };
}
