/**
 * Atoms: the residual additions of a network. Dropping an atom x replaces x by e, the operand that skips the branch.
 * Four kinds are told apart by the graph alone, without names.
 */
import type { Node } from '../onnx/model';
import type { Dataflow } from './dataflow';
import { dataInputs, elementsOf, holdsWeights, nodesBetween, positionOf, sameType, shapeOf } from './dataflow';

export interface Atom {
  /** The sum. */
  readonly exit: string;
  readonly node: Node;
  /** identity: e + f(e). blend: a e + (1 - a) f(e). concat: e is the hidden half of a concatenation. shortcut: both sides hold weights. */
  readonly kind: 'identity' | 'blend' | 'concat' | 'shortcut';
  /** What replaces `exit`; absent for a shortcut. */
  readonly entry?: string;
  /** A node of the branch that holds weights: tells where the atom lives. */
  readonly branch: Node;
}

const VIEWS = new Set(['Identity', 'Cast', 'Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'QuantizeLinear', 'DequantizeLinear', 'Flatten']);

/** Atoms of the trunk, in execution order. */
export function findAtoms(flow: Dataflow): readonly Atom[] {
  const atoms: Atom[] = [];
  for (const node of flow.order) {
    if (node.opType !== 'Add' || node.domain !== '') continue;
    const atom = atomAt(flow, node);
    if (atom) atoms.push(atom);
  }
  return atoms;
}

function atomAt(flow: Dataflow, node: Node): Atom | undefined {
  const [p, q] = [node.inputs[0]!, node.inputs[1]!];
  const exit = node.outputs[0]!;
  if (!flow.trunk.has(exit) || !flow.stream.has(p) || !flow.stream.has(q)) return undefined;
  if (!sameType(flow, p, exit) || !sameType(flow, q, exit) || onlyReachesSoftmax(flow, exit)) return undefined;
  return identityAtom(flow, node, p, q) ?? identityAtom(flow, node, q, p) ?? blendAtom(flow, node, p, q) ?? concatAtom(flow, node, p, q) ?? concatAtom(flow, node, q, p) ?? shortcutAtom(flow, node, p, q);
}

/** e + f(e), with views on the way to e. */
function identityAtom(flow: Dataflow, node: Node, e: string, q: string): Atom | undefined {
  const root = rootOf(flow, e, isView);
  const branch = weightedBranch(flow, root, q);
  return branch && { exit: node.outputs[0]!, node, kind: 'identity', entry: e, branch };
}

/** a x_s + (1 - a) x_t, the gate a not depending on any input; dropping leaves x_s ungated. */
function blendAtom(flow: Dataflow, node: Node, p: string, q: string): Atom | undefined {
  for (const [e, other] of [[p, q], [q, p]] as const) {
    const own = gated(flow, e);
    if (own === undefined || gated(flow, other) === undefined) continue;
    const branch = weightedBranch(flow, rootOf(flow, e, isView, true), other);
    if (branch && sameType(flow, own, node.outputs[0]!)) return { exit: node.outputs[0]!, node, kind: 'blend', entry: own, branch };
  }
  return undefined;
}

/** shortcut([hidden, skip]) + f([hidden, skip]): the identity is the hidden operand, the skip goes. */
function concatAtom(flow: Dataflow, node: Node, short: string, long: string): Atom | undefined {
  const joined = concatBehind(flow, short);
  if (!joined) return undefined;
  const branch = weightedBranch(flow, joined.outputs[0]!, long);
  const hidden = joined.inputs.filter((name) => flow.trunk.has(name)).toSorted((a, b) => positionOf(flow, b) - positionOf(flow, a))[0];
  if (!branch || hidden === undefined || !sameType(flow, hidden, node.outputs[0]!)) return undefined;
  return { exit: node.outputs[0]!, node, kind: 'concat', entry: hidden, branch };
}

function shortcutAtom(flow: Dataflow, node: Node, p: string, q: string): Atom | undefined {
  const [short, root] = [p, q].map((side) => [side, behindWeights(flow, side)] as const).find(([, behind]) => behind !== undefined) ?? [];
  if (short === undefined || root === undefined) return undefined;
  const branch = weightedBranch(flow, root, short === p ? q : p);
  return branch && { exit: node.outputs[0]!, node, kind: 'shortcut', branch };
}

/** The first node with weights on a path from `root` to `value`; undefined when there is no path or no weights on it. */
function weightedBranch(flow: Dataflow, root: string, value: string): Node | undefined {
  if (!flow.stream.has(root)) return undefined;
  return nodesBetween(flow, root, value)?.find((node) => holdsWeights(flow, node));
}

/** Walks back over views; through `Add(stream, non-stream)` too, where a block adds a fixed position embedding first. */
function rootOf(flow: Dataflow, value: string, passes: (flow: Dataflow, node: Node) => string | undefined, gates = false): string {
  let current = value;
  for (;;) {
    const node = flow.madeBy.get(current);
    const next = node && (passes(flow, node) ?? (gates ? gateOperand(flow, node) : undefined));
    if (next === undefined) return current;
    current = next;
  }
}

/** The operand that a view shows; undefined when the node is none. */
export function isView(flow: Dataflow, node: Node): string | undefined {
  if (VIEWS.has(node.opType)) return node.inputs[0];
  if (node.opType === 'Div' && !flow.stream.has(node.inputs[1]!) && elementsOf(flow, node.inputs[1]!) === 1) return node.inputs[0];
  if (node.opType === 'Add' && node.domain === '') return streamOperand(flow, node);
  return undefined;
}

/** The one operand of a two-operand node that depends on an input, when the other does not. */
function streamOperand(flow: Dataflow, node: Node): string | undefined {
  const [a, b] = [node.inputs[0]!, node.inputs[1]!];
  if (flow.stream.has(a) === flow.stream.has(b)) return undefined;
  return flow.stream.has(a) ? a : b;
}

function gateOperand(flow: Dataflow, node: Node): string | undefined {
  return node.opType === 'Mul' ? streamOperand(flow, node) : undefined;
}

/** What a side of a blend shows before its gate: the operand of the Mul; undefined when there is no gate. */
function gated(flow: Dataflow, value: string): string | undefined {
  let current = value;
  for (;;) {
    const node = flow.madeBy.get(current);
    if (!node) return undefined;
    const operand = gateOperand(flow, node);
    if (operand !== undefined) return operand;
    const next = VIEWS.has(node.opType) ? node.inputs[0] : undefined;
    if (next === undefined) return undefined;
    current = next;
  }
}

/** The Concat that a chain of views and one weighted operator (the shortcut) reads. */
function concatBehind(flow: Dataflow, value: string): Node | undefined {
  const root = behindWeights(flow, value);
  const node = root === undefined ? undefined : flow.madeBy.get(rootOf(flow, root, isView));
  return node?.opType === 'Concat' ? node : undefined;
}

/** The stream operand of the weighted operator that `value` shows through views; undefined without one. */
function behindWeights(flow: Dataflow, value: string): string | undefined {
  const node = flow.madeBy.get(rootOf(flow, value, isView));
  return node && holdsWeights(flow, node) ? node.inputs.find((name) => flow.stream.has(name)) : undefined;
}

/** Attention scores plus a mask: the sum feeds nothing but a softmax. */
function onlyReachesSoftmax(flow: Dataflow, exit: string): boolean {
  const pending = [exit];
  let found = false;
  while (pending.length > 0) {
    for (const user of flow.usedBy.get(pending.pop()!) ?? []) {
      if (user.opType === 'Softmax') found = true;
      else if (isView(flow, user) !== undefined) pending.push(user.outputs[0]!);
      else return false;
    }
  }
  return found;
}

/** For a Slice of one axis or an output of a Split: which part of its operand it is. Undefined when that is not known. */
export function partOf(flow: Dataflow, node: Node, output: string): { operand: string; axis: number; offset: number; size: number } | undefined {
  const operand = dataInputs(node)[0];
  const [whole, part] = [operand && shapeOf(flow, operand), shapeOf(flow, output)];
  if (!operand || !whole || !part || whole.length !== part.length) return undefined;
  const axis = whole.findIndex((dim, index) => dim !== part[index]);
  if (axis < 0) return undefined;
  if (node.opType === 'Split') {
    const before = node.outputs.slice(0, node.outputs.indexOf(output));
    const offset = before.reduce((sum, name) => sum + (shapeOf(flow, name)?.[axis] ?? NaN), 0);
    return Number.isNaN(offset) ? undefined : { operand, axis, offset, size: part[axis]! };
  }
  return undefined;
}
