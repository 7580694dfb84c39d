/**
 * Atoms: the residual additions of a network. Dropping an atom replaces its sum by the operand that skips the branch.
 * The kinds are told apart by the graph alone; no name is read.
 */
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import type { Node } from '../onnx/model';
import type { Flow } from './flow';
import { rootOf, sameType, shapeOf, viewed } from './flow';
import { isChannelsLast, isProcessorSpecific, isPureView, qualifiedOperator } from './operators';
import { nodesBetween, trunkDominator } from './reach';

export interface Atom {
  /** The sum. */
  readonly exit: number;
  /**
   * What stands in for the sum. Where nothing can (`reason` is set), the value before the branch, of another shape or
   * not verified: for telling what belongs to the atom, never for surgery.
   */
  readonly entry: number;
  /** identity: e + f(e). blend: a e + (1 - a) f(e). concat: both sides read [e, skip]. shortcut: both sides hold weights. */
  readonly kind: 'identity' | 'blend' | 'concat' | 'shortcut' | 'opaque';
  /** Nodes from the entry's root to the end of the branch. */
  readonly branch: readonly number[];
  /** The Concat of hidden state and skip, where the branch starts with one. */
  readonly join?: number;
  /** Why the atom cannot be dropped: a full sentence. */
  readonly reason?: string;
}

/**
 * In how many branches a node may lie on average. Published models have at most 10; what is done with atoms inside one
 * another takes the square of it.
 */
const DEEPEST_ON_AVERAGE = 64;

/** In execution order. Throws `onnx/unsupported` where residual additions lie in each other without end. */
export function findAtoms(flow: Flow): readonly Atom[] {
  const atoms: Atom[] = [];
  const byExit = new Map<number, Atom>();
  let inBranches = 0;
  flow.nodes.forEach((node, at) => {
    if (isProcessorSpecific(node) && node.inputs[3] && node.outputs[0]) atoms.push(hiddenAddition(flow, at));
    if (node.domain !== '' || (node.opType !== 'Add' && node.opType !== 'Sum') || node.inputs.length !== 2) return;
    const atom = atomAt(flow, at, byExit);
    if (!atom) return;
    atoms.push(atom);
    byExit.set(atom.exit, atom);
    inBranches += atom.branch.length;
    if (inBranches > DEEPEST_ON_AVERAGE * flow.nodes.length)
      throw new StudioError(
        'onnx/unsupported',
        `The residual additions of this graph lie more than ${DEEPEST_ON_AVERAGE} deep in each other, at ${node.name || present(flow.names[atom.exit])}: its blocks cannot be told.`,
        { node: node.name },
      );
  });
  return atoms;
}

function atomAt(flow: Flow, at: number, earlier: ReadonlyMap<number, Atom>): Atom | undefined {
  const [p, q] = present(flow.nodes[at]).inputs.map((name) => flow.ids.get(name));
  const [exit] = present(flow.outputs[at]);
  if (p === undefined || q === undefined || exit === undefined) return undefined;
  if (p === q || !flow.stream[p] || !flow.stream[q]) return undefined;
  const verified = isSumOf(flow, p, q) || isSumOf(flow, q, p);
  if (!verified && shapeOf(flow, p) && shapeOf(flow, q)) return undefined;
  if (onlyReachesSoftmax(flow, exit)) return undefined;
  // A blend first: where its gate is one number, its kept side would pass as an identity in another form.
  const atom =
    blendAtom(flow, exit, p, q) ??
    blendAtom(flow, exit, q, p) ??
    identityAtom(flow, exit, p, q) ??
    identityAtom(flow, exit, q, p) ??
    besideAtom(flow, exit, p, q, earlier) ??
    besideAtom(flow, exit, q, p, earlier) ??
    partsAtom(flow, exit, p, q) ??
    partsAtom(flow, exit, q, p) ??
    doubleAtom(flow, exit, p, q);
  if (!atom || atom.reason) return atom;
  return verified && fits(flow, atom, p, q) ? atom : { ...atom, reason: unverifiedReason(flow, atom) };
}

/**
 * Does the sum have the shape of `p`? Where a dimension of the other operand is unknown (it depends on the numbers of a
 * mask, say), it can only be that of `p`, or 1, as long as that of `p` is not 1.
 */
function isSumOf(flow: Flow, p: number, q: number): boolean {
  const [left, right] = [shapeOf(flow, p), flow.types.get(present(flow.names[q]))?.shape];
  if (!left || right?.length !== left.length) return false;
  return left.every((dim, axis) => right[axis] === dim || (typeof right[axis] !== 'number' && dim > 1));
}

/** The entry has the sum's shape when it is one of the summands, or has a summand's type. */
function fits(flow: Flow, atom: Atom, p: number, q: number): boolean {
  return [p, q].some(
    (summand) => shapeOf(flow, summand) && (atom.entry === summand || sameType(flow, atom.entry, summand)),
  );
}

/** e + f(e): views on the way to e are walked, so that e may be a reshaped or shifted form of what the branch reads. */
function identityAtom(flow: Flow, exit: number, e: number, q: number): Atom | undefined {
  const branch = weightedBranch(flow, rootOf(flow, e), q);
  return branch && { exit, entry: beforeRounding(flow, e), kind: 'identity', branch };
}

/**
 * What was quantised and dequantised to give this value: in a graph with quantised activations the sum is rounded again
 * where it is read, and rounding twice, by two scales, is no identity.
 */
function beforeRounding(flow: Flow, value: number): number {
  const made = (name: string | undefined) => flow.nodes[flow.producer[flow.ids.get(name ?? '') ?? -1] ?? -1];
  const dequantised = made(flow.names[value]);
  const quantised = dequantised?.opType === 'DequantizeLinear' ? made(dequantised.inputs[0]) : undefined;
  const source = quantised?.opType === 'QuantizeLinear' ? flow.ids.get(quantised.inputs[0] ?? '') : undefined;
  return source !== undefined && sameType(flow, source, value) ? source : value;
}

/** More parts than any layer splits its tokens into. */
const maxParts = 8;

/** e + f(parts of e): what is added to is put together of parts, and the branch reads these and not the whole. */
function partsAtom(flow: Flow, exit: number, e: number, q: number): Atom | undefined {
  const node = flow.nodes[present(flow.producer[e])];
  if (node?.opType !== 'Concat' || node.domain !== '' || node.inputs.length > maxParts) return undefined;
  const branches = present(flow.data[present(flow.producer[e])]).map((part) =>
    flow.stream[part] ? nodesBetween(flow, rootOf(flow, part), q) : undefined,
  );
  if (!branches.every((branch) => branch !== undefined)) return undefined;
  const branch = [...new Set(branches.flat())].sort((a, b) => a - b);
  return branch.some((at) => flow.weighted[at]) ? { exit, entry: e, kind: 'identity', branch } : undefined;
}

/** More branches side by side than any block has. */
const maxBeside = 3;

/** (e + f(e)) + g(e): a branch beside others that read the same; without it their sum is left. */
function besideAtom(
  flow: Flow,
  exit: number,
  sum: number,
  q: number,
  earlier: ReadonlyMap<number, Atom>,
): Atom | undefined {
  let atom = earlier.get(rootOf(flow, sum));
  for (let step = 0; atom && !atom.reason && step < maxBeside; step++) {
    const root = rootOf(flow, atom.entry);
    const branch = weightedBranch(flow, root, q);
    if (branch) return { exit, entry: sum, kind: 'identity', branch };
    atom = earlier.get(root);
  }
  return undefined;
}

/** a x_s + (1 - a) x_t with gates that depend on no input; dropping leaves x_s ungated. */
function blendAtom(flow: Flow, exit: number, p: number, q: number): Atom | undefined {
  const [kept, other] = [gated(flow, p), gated(flow, q)];
  if (kept === undefined || other === undefined) return undefined;
  const branch = weightedBranch(flow, rootOf(flow, kept), other);
  if (!branch) return undefined;
  const found: Atom = { exit, entry: kept, kind: 'blend', branch };
  return sameType(flow, kept, exit) || !shapeOf(flow, exit)
    ? found
    : { ...found, reason: 'The value that passes it unchanged is nowhere in the form of its sum.' };
}

/**
 * The operand of the Mul by a gate that `value` is. Where the Mul is seen in another form (an optimiser moves a Transpose
 * behind it), the operand in the same form, as long as the graph has that somewhere.
 */
function gated(flow: Flow, value: number): number | undefined {
  const at = present(flow.producer[value]);
  const node = flow.nodes[at];
  if (node && isPureView(node)) {
    const shown = flow.ids.get(node.inputs[0] ?? '');
    const operand = shown === undefined ? undefined : gated(flow, shown);
    return operand === undefined ? undefined : (sameView(flow, at, operand) ?? operand);
  }
  if (node?.opType !== 'Mul' || node.domain !== '') return undefined;
  const [a, b] = node.inputs.map((name) => flow.ids.get(name));
  if (a === undefined || b === undefined || flow.stream[a] === flow.stream[b]) return undefined;
  return flow.stream[a] ? a : b;
}

/** What another node of the same operator and attributes makes of `value` (operands besides are the same values), else what `value` itself is the reverse of. */
function sameView(flow: Flow, view: number, value: number): number | undefined {
  const form = (at: number): string => {
    const { opType, domain, inputs, attributes } = present(flow.nodes[at]);
    return JSON.stringify([domain, opType, inputs.slice(1), [...attributes].sort()], (_, part: unknown) =>
      typeof part === 'bigint' ? String(part) : part,
    );
  };
  const user = present(flow.users[value]).find(
    (at) => at !== view && flow.ids.get(present(flow.nodes[at]).inputs[0] ?? '') === value && form(at) === form(view),
  );
  if (user !== undefined) return present(flow.outputs[user])[0];
  const before = present(flow.producer[value]);
  return before >= 0 && undoes(present(flow.nodes[view]), present(flow.nodes[before]))
    ? present(flow.data[before])[0]
    : undefined;
}

/** Two Transposes that leave all as it was. */
function undoes(second: Node, first: Node): boolean {
  const [after, before] = [permutation(second), permutation(first)];
  return after !== undefined && before?.length === after.length && after.every((axis, i) => before[axis] === i);
}

function permutation(node: Node): readonly number[] | undefined {
  const perm = node.opType === 'Transpose' ? node.attributes.get('perm') : undefined;
  return perm?.kind === 'ints' ? perm.value.map(Number) : undefined;
}

/** Weights on both sides. After a Concat of hidden state and skip, the hidden state can stand in for the sum if it fits. */
function doubleAtom(flow: Flow, exit: number, p: number, q: number): Atom | undefined {
  if (!flow.trunk[p] || !flow.trunk[q]) return undefined;
  const source = trunkDominator(flow, [p, q]);
  if (source === undefined) return undefined;
  const [one, two] = [weightedBranch(flow, source, p), weightedBranch(flow, source, q)];
  if (!one || !two) return undefined;
  const branch = [...new Set([...one, ...two])].sort((a, b) => a - b);
  const join = joinBefore(flow, source);
  const entry = join === undefined ? source : hiddenOperand(flow, join);
  const kind = join === undefined ? 'shortcut' : 'concat';
  const found: Atom = { exit, entry, kind, branch, ...(join === undefined ? {} : { join }) };
  // A hidden state comes before what was kept for it; where what ran deepest comes second, it is one of two streams.
  if (join !== undefined && trunkOperands(flow, join)[0] !== entry)
    return {
      ...found,
      reason:
        'Two streams run into it side by side, and neither was kept for the other, so none can stand in for its sum.',
    };
  if (join !== undefined && sameType(flow, entry, exit)) return found;
  return { ...found, reason: channelReason(flow, found) };
}

/** The Concat with two or more operands of the trunk that `value` shows. */
export function joinBefore(flow: Flow, value: number): number | undefined {
  const at = present(flow.producer[rootOf(flow, value)]);
  const node = flow.nodes[at];
  return node && isTrunkJoin(flow, at) ? at : undefined;
}

/** A Concat of two or more operands of the trunk; in a pruned network a skip may be the hidden state itself. */
export function isTrunkJoin(flow: Flow, at: number): boolean {
  const node = present(flow.nodes[at]);
  return node.opType === 'Concat' && node.inputs.filter((name) => flow.trunk[flow.ids.get(name) ?? -1]).length >= 2;
}

export const trunkOperands = (flow: Flow, node: number): readonly number[] =>
  present(flow.data[node]).filter((value) => flow.trunk[value]);

/** The operand of a Concat that ran deepest: in a U, a skip is an ancestor of the hidden state that it joins. */
export function hiddenOperand(flow: Flow, join: number): number {
  return trunkOperands(flow, join).reduce((deepest, value) =>
    present(flow.depth[value]) > present(flow.depth[deepest]) ? value : deepest,
  );
}

/** Nodes between the two when some of them hold weights: GELU and norms spelt out are additions without. */
function weightedBranch(flow: Flow, root: number, value: number): readonly number[] | undefined {
  if (!flow.stream[root]) return undefined;
  const branch = nodesBetween(flow, root, value);
  return branch?.some((node) => flow.weighted[node]) ? branch : undefined;
}

/** Attention scores plus a mask: the sum feeds nothing but softmaxes. */
function onlyReachesSoftmax(flow: Flow, exit: number): boolean {
  const pending = [exit];
  let found = false;
  for (let at = 0; at < pending.length; at++) {
    for (const user of present(flow.users[present(pending[at])])) {
      const node = present(flow.nodes[user]);
      if (node.opType === 'Shape') continue;
      const [shown] = present(flow.outputs[user]);
      if (node.opType === 'Softmax') found = true;
      else if (shown !== undefined && (isPureView(node) || viewed(flow, shown) === pending[at])) pending.push(shown);
      else return false;
    }
  }
  return found;
}

function channelReason(flow: Flow, { entry, exit, branch }: Atom): string {
  const [before, after] = [shapeOf(flow, entry), shapeOf(flow, exit)];
  if (before && after && before.join() !== after.join() && before.toSorted().join() === after.toSorted().join()) {
    const channelsLast = branch.map((node) => present(flow.nodes[node])).find(isChannelsLast);
    return channelsLast
      ? layoutReason(qualifiedOperator(channelsLast))
      : 'The hidden state has its axes in another order than its sum, and is nowhere in the same, so nothing can stand in for it.';
  }
  if (!before || !after)
    return 'Both sides of its addition hold weights, so nothing of the right size can stand in for it.';
  const changed = before.length === after.length ? before.flatMap((dim, i) => (dim === after[i] ? [] : [i])) : [0, 1];
  const [axis = -1] = changed;
  // Of three axes the middle one may as well be tokens (a class token that joins them).
  const isChannels = axis === before.length - 1 || (axis === 1 && before.length > 3);
  if (changed.length > 1 || (axis >= 0 && !isChannels))
    return `It turns ${before.join('x')} into ${after.join('x')}, so nothing of the right size can stand in for it.`;
  if (axis < 0) return 'Both sides of its addition hold weights, so no value passes it unchanged.';
  return `It changes the number of channels from ${before[axis]} to ${after[axis]}, so nothing of the right size can stand in for it.`;
}

function unverifiedReason(flow: Flow, atom: Atom): string {
  const node = firstUnknown(flow, atom.exit);
  if (node === undefined) return 'Its shapes cannot be verified, so nothing is known to fit in its place.';
  const operator = qualifiedOperator(present(flow.nodes[node]));
  if (isProcessorSpecific(present(flow.nodes[node]))) return processorReason(operator);
  return `Its shapes cannot be verified because of the operator ${operator}, so nothing is known to fit in its place.`;
}

/** The node that takes data of known shapes and gives the unknown one that the value's own comes from. */
function firstUnknown(flow: Flow, value: number): number | undefined {
  const seen = new Set<number>();
  for (let current: number | undefined = value; current !== undefined && !seen.has(current); ) {
    seen.add(current);
    const node: number = present(flow.producer[current]);
    const next: number | undefined =
      node < 0
        ? undefined
        : present(flow.data[node]).find((operand) => flow.stream[operand] && !shapeOf(flow, operand));
    if (next === undefined) return node < 0 ? undefined : node;
    current = next;
  }
  return undefined;
}

/** onnxruntime's own convolutions take the residual as a fourth operand, in a layout for one processor. */
function hiddenAddition(flow: Flow, at: number): Atom {
  const node = present(flow.nodes[at]);
  const [exit, entry] = [present(present(flow.outputs[at])[0]), present(flow.ids.get(present(node.inputs[3])))];
  return {
    exit,
    entry,
    kind: 'opaque',
    branch: nodesBetween(flow, rootOf(flow, entry), exit) ?? [at],
    reason: processorReason(qualifiedOperator(node)),
  };
}

const layoutReason = (operator: string): string =>
  `It runs through ${operator}, and in the layout of that (channels last) no value passes it unchanged; fuse the model without channels-last convolutions to make it droppable.`;

export const processorReason = (operator: string): string =>
  `It runs through ${operator}, a layout that onnxruntime made for one processor; save the model at a lower optimisation level to make it droppable.`;
