/**
 * Learned blends by their form alone: a sum of two products with gates that no input reaches. Which side passes is told by
 * the order in which published blends are written, not by what depends on what.
 */

import { dataOperandCount } from '../blocks/operators';
import { moduleScope } from '../blocks/scopes';
import { present } from '../errors/present';
import { producers } from '../onnx/graph';
import type { DataType, Graph, Node, TensorType } from '../onnx/model';

/** A multiplication by the gate of one side. */
export interface BlendGate {
  /** Operand of the multiplication that is the gate. */
  readonly position: 0 | 1;
  /** Of the side that passes: `alpha * x_spatial + (1 - alpha) * x_temporal`. */
  readonly isFirst: boolean;
  readonly dataType: DataType;
}

interface Side {
  readonly node: Node;
  readonly position: 0 | 1;
}

/** Both multiplications and the sum belong to one module. `fixed`: see `independentValues`. */
export function blendGates(
  graph: Graph,
  fixed: ReadonlySet<string>,
  types: ReadonlyMap<string, TensorType>,
): ReadonlyMap<Node, BlendGate> {
  const made = producers(graph);
  const sideOf = (name: string, scope: string): Side | undefined => {
    const node = made.get(name);
    if (node?.opType !== 'Mul' || node.domain !== '' || moduleScope(node) !== scope) return undefined;
    const [a, b] = node.inputs.map((input) => fixed.has(input));
    return a === b ? undefined : { node, position: a ? 0 : 1 };
  };
  const typeOf = ({ node, position }: Side): DataType | undefined => {
    const gate = present(node.inputs[position]);
    const dataType = graph.initializers.get(gate)?.dataType ?? types.get(gate)?.dataType;
    return dataType?.startsWith('float') ? dataType : undefined;
  };
  const found = new Map<Node, BlendGate>();
  for (const sum of graph.nodes) {
    if (sum.opType !== 'Add' || sum.domain !== '') continue;
    const [first, second] = sum.inputs.map((name) => sideOf(name, moduleScope(sum)));
    const [one, two] = [first && typeOf(first), second && typeOf(second)];
    if (!first || !second || !one || !two) continue;
    found.set(first.node, { position: first.position, isFirst: true, dataType: one });
    found.set(second.node, { position: second.position, isFirst: false, dataType: two });
  }
  return found;
}

/** Values that depend on no input but for its shape. */
export function independentValues(graph: Graph): ReadonlySet<string> {
  const reached = new Set(graph.inputs.map(({ name }) => name).filter((name) => !graph.initializers.has(name)));
  const fixed = new Set(graph.initializers.keys());
  for (const node of graph.nodes) {
    const depends = node.inputs.slice(0, dataOperandCount(node)).some((name) => reached.has(name));
    for (const name of node.outputs) (depends ? reached : fixed).add(name);
  }
  return fixed;
}
