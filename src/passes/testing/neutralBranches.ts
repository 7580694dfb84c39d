/**
 * The same cut by other means: residual branches that give nothing because their last weights are zero, blends whose gate
 * is fully open. For tests, on graphs of standard operators; what it does not know it leaves to the caller.
 */
import type { Rewire } from '../../blocks/block';
import type { Flow } from '../../blocks/flow';
import { shapeOf, viewed } from '../../blocks/flow';
import type { Model, Node, Tensor } from '../../onnx/model';
import { floatTensor } from '../../onnx/testing/buildModel';

/** `flow`: of the same model. `undefined` when a rewire is neither a residual addition nor a blend, or a branch ends otherwise. */
export function withNeutralBranches(model: Model, flow: Flow, rewires: readonly Rewire[]): Model | undefined {
  const edit = new Edit(flow);
  return rewires.every(({ exit, entry }) => neutralise(flow, edit, flow.ids.get(exit)!, flow.ids.get(entry)!))
    ? edit.apply(model)
    : undefined;
}

function neutralise(flow: Flow, edit: Edit, exit: number, entry: number): boolean {
  const at = flow.producer[exit]!;
  if (flow.nodes[at]?.opType !== 'Add') return false;
  const [p, q] = flow.data[at]! as [number, number];
  if (p === entry || q === entry) return zeroLastWeights(flow, edit, p === entry ? q : p);
  const [kept, branch] = flow.depth[p]! < flow.depth[q]! ? [p, q] : [q, p];
  return fill(flow, edit, kept, 1) && fill(flow, edit, branch, 0);
}

/** Walks back from the end of a branch to its last product with weights, and sets these and what is added later to zero. */
function zeroLastWeights(flow: Flow, edit: Edit, end: number): boolean {
  const at = flow.producer[end]!;
  if (at < 0) return false;
  const { opType } = flow.nodes[at]!;
  const fixed = flow.data[at]!.filter((operand) => !flow.stream[operand]);
  if (flow.weighted[at]) return fixed.every((operand) => edit.set(at, operand, 0));
  if (viewed(flow, end) < 0 && !KEEP_ZERO.has(opType)) return false;
  // Of a branch and its gate, or a value and its norm, either at zero would do: the branch is the deeper one.
  const moving = flow.data[at]!.filter((operand) => flow.stream[operand]).toSorted(
    (a, b) => flow.depth[b]! - flow.depth[a]!,
  );
  if (!moving.some((operand) => zeroLastWeights(flow, edit, operand))) return false;
  return opType !== 'Add' || fixed.every((operand) => edit.set(at, operand, 0));
}

/** Sets the gate that a side of a blend is multiplied by. */
function fill(flow: Flow, edit: Edit, side: number, gate: number): boolean {
  let value = side;
  for (let at = flow.producer[value]!; at >= 0 && flow.nodes[at]!.opType !== 'Mul'; at = flow.producer[value]!) {
    value = viewed(flow, value);
    if (value < 0) return false;
  }
  const at = flow.producer[value]!;
  const factor = at < 0 ? undefined : flow.data[at]!.find((operand) => !flow.stream[operand]);
  return factor !== undefined && edit.set(at, factor, gate);
}

/** Operators whose result is zero where any operand of the stream is. */
const KEEP_ZERO = new Set(['Mul', 'Slice', 'Split', 'SimplifiedLayerNormalization', 'RMSNormalization']);

/** Operands replaced by constants. */
class Edit {
  private readonly operands = new Map<Node, Map<string, string>>();
  private readonly constants = new Map<string, Tensor>();

  constructor(private readonly flow: Flow) {}

  /** False where the operand's shape is unknown. */
  set(at: number, operand: number, number: number): boolean {
    const dims = shapeOf(this.flow, operand);
    if (!dims) return false;
    const name = `${this.flow.names[operand]!}:${number}`;
    this.constants.set(name, floatTensor(name, dims, new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(number)));
    const node = this.flow.nodes[at]!;
    this.operands.set(node, (this.operands.get(node) ?? new Map()).set(this.flow.names[operand]!, name));
    return true;
  }

  apply({ graph, ...model }: Model): Model {
    const replaced = new Map([...this.operands].map(([node, names]) => [node.outputs[0]!, names]));
    const nodes = graph.nodes.map((node) => {
      const names = replaced.get(node.outputs[0]!);
      return names ? { ...node, inputs: node.inputs.map((name) => names.get(name) ?? name) } : node;
    });
    return { ...model, graph: { ...graph, nodes, initializers: new Map([...graph.initializers, ...this.constants]) } };
  }
}
