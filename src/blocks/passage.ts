/**
 * The way of a hidden state through a module without its branches: from a result of the module back over residual sums to
 * what came in from outside. A module whose every result has such a way can be replaced by the identity.
 */
import { present } from '../errors/present';
import { tensorValues } from '../onnx/tensorValues';
import type { Atom } from './findAtoms';
import type { Flow } from './flow';
import { sameType, shapeOf, viewed } from './flow';
import { isAttention, isPureView } from './operators';

export interface Passage {
  /** What came in, in the form of the result. */
  readonly entry: number;
  /** Residual sums on the way, the last first. */
  readonly atoms: readonly Atom[];
  /** More than sums is on the way (a norm behind them, a position embedding before them): the result itself is replaced. */
  readonly direct: boolean;
}

/** Part of a value along one axis. */
interface Cut {
  readonly axis: number;
  /** `undefined` where only the length is known. */
  readonly start: number | undefined;
  readonly length: number;
  /** Where a Slice has them: the values that say where it starts and ends. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const NO_WAY = 'Nothing passes it unchanged: it has no skip connection around it.';

/** The passage, or why there is none: a full sentence. `inside`: is a node part of the module? */
export function passageThrough(
  flow: Flow,
  atoms: ReadonlyMap<number, Atom>,
  inside: (node: number) => boolean,
  result: number,
): Passage | string {
  const crossed: Atom[] = [];
  const cuts: Cut[] = [];
  let [direct, moved] = [false, false];
  /** The nearest to the outside of what only shows what came in, of the result's type. */
  let entry: number | undefined;
  for (let value = result; ; ) {
    const node = present(flow.producer[value]);
    if (sameType(flow, value, result)) entry = value;
    if (node < 0 || !inside(node)) {
      if (cuts.length > 0) return NO_WAY;
      if (crossed.length === 0) return { entry: value, atoms: [], direct: false };
      if (!sameSize(flow, value, result)) return formReason(flow, value, result);
      if (!direct) return { entry: value, atoms: crossed, direct }; // each sum has a stand-in of its own form
      if (entry === undefined || moved)
        return 'The value that passes it unchanged is nowhere in the form of its result.';
      return { entry, atoms: crossed, direct };
    }
    const atom = atoms.get(value);
    if (atom?.reason) return atom.reason;
    if (atom) {
      crossed.push(atom);
      [value, entry] = [atom.entry, undefined];
      continue;
    }
    const next = present(flow.nodes[node]);
    if (isPureView(next)) {
      moved ||= next.opType === 'Transpose';
      const [seen] = present(flow.data[node]);
      if (seen === undefined) return NO_WAY;
      value = seen;
      continue;
    }
    const shown = viewed(flow, value);
    if (shown >= 0) {
      direct ||= !isNeutral(flow, node, shown);
      [value, entry] = [shown, undefined];
      continue;
    }
    const step = partStep(flow, node, value, cuts);
    if (step !== undefined) {
      value = step;
      continue;
    }
    const joined = cuts.length > 0 ? undefined : joinStep(flow, atoms, inside, node);
    if (joined) {
      crossed.push(...joined.atoms);
      [value, entry] = [joined.whole, undefined];
      continue;
    }
    const sum = sumBehindNorm(flow, atoms, inside, value);
    if (sum === undefined) return NO_WAY;
    direct = true;
    [value, entry] = [sum, undefined];
  }
}

/** Multiplied or divided by 1, which exporters write where a model has a scale that is not used. */
function isNeutral(flow: Flow, node: number, data: number): boolean {
  const { opType, inputs } = present(flow.nodes[node]);
  const factor = inputs.find((name) => name !== flow.names[data]);
  const values = factor === undefined ? undefined : numbersOf(flow, factor);
  return (opType === 'Mul' || opType === 'Div') && values?.length === 1 && values[0] === 1;
}

function sameSize(flow: Flow, a: number, b: number): boolean {
  const size = (value: number) => shapeOf(flow, value)?.reduce((product, dim) => product * dim, 1);
  return size(a) !== undefined && size(a) === size(b);
}

/** Back over a part taken out of a value, or over the joining of parts where one of them is what was taken. */
function partStep(flow: Flow, node: number, value: number, cuts: Cut[]): number | undefined {
  const { opType, domain } = present(flow.nodes[node]);
  if (domain !== '') return undefined;
  if (opType === 'Slice' || opType === 'Split') {
    const cut = opType === 'Slice' ? sliceCut(flow, node, value) : splitCut(flow, node, value);
    if (cut) cuts.push(cut);
    return cut && present(flow.data[node])[0];
  }
  const cut = cuts.at(-1);
  if (opType !== 'Concat' || !cut) return undefined;
  const part = operandOf(flow, node, cut);
  if (part !== undefined) cuts.pop();
  return part;
}

/**
 * Back over the joining of all parts of one value, some of which had something added: a layer that works on a part of the
 * tokens and leaves the others as they are.
 */
function joinStep(
  flow: Flow,
  atoms: ReadonlyMap<number, Atom>,
  inside: (node: number) => boolean,
  node: number,
): { readonly whole: number; readonly atoms: readonly Atom[] } | undefined {
  const { opType, domain, inputs } = present(flow.nodes[node]);
  if (opType !== 'Concat' || domain !== '' || inputs.length < 2) return undefined;
  const parts = inputs.map((name) => partBehind(flow, atoms, inside, flow.ids.get(name)));
  if (!parts.every((part) => part !== undefined)) return undefined;
  const [first] = parts;
  const whole = first && shapeOf(flow, first.whole);
  if (!first || !whole || parts.some((part) => part.whole !== first.whole)) return undefined;
  const axis = normalAxis(intAttribute(flow, node, 'axis') ?? 0, whole.length);
  let [end, to]: [number, string | undefined] = [0, undefined];
  for (const { cut } of parts) {
    if (cut.axis !== axis || (cut.start === undefined ? to === undefined || cut.from !== to : cut.start !== end))
      return undefined;
    [end, to] = [end + cut.length, cut.to];
  }
  return end === whole[axis] ? { whole: first.whole, atoms: parts.flatMap((part) => part.atoms) } : undefined;
}

/** Of which value an operand is a part, and the sums on the way. */
function partBehind(
  flow: Flow,
  atoms: ReadonlyMap<number, Atom>,
  inside: (node: number) => boolean,
  operand: number | undefined,
): { readonly whole: number; readonly cut: Cut; readonly atoms: readonly Atom[] } | undefined {
  const crossed: Atom[] = [];
  for (let value = operand; value !== undefined; ) {
    const node = present(flow.producer[value]);
    if (node < 0 || !inside(node)) return undefined;
    const atom = atoms.get(value);
    const { opType, domain } = present(flow.nodes[node]);
    if (atom) {
      if (atom.reason) return undefined;
      crossed.push(atom);
      value = atom.entry;
    } else if (isCast(opType) && domain === '' && sameType(flow, value, present(present(flow.data[node])[0]))) {
      value = present(flow.data[node])[0];
    } else {
      const cuts: Cut[] = [];
      const whole = opType === 'Concat' ? undefined : (partStep(flow, node, value, cuts) ?? oneStep(flow, value, cuts));
      const [cut] = cuts;
      return whole === undefined || !cut ? undefined : { whole, cut, atoms: crossed };
    }
  }
  return undefined;
}

/** Back over one place taken out of an axis that is put in again: `x[:, 0].unsqueeze(1)`. */
function oneStep(flow: Flow, value: number, cuts: Cut[]): number | undefined {
  const node = present(flow.producer[value]);
  const [taken] = present(flow.data[node]);
  const source = taken === undefined ? -1 : present(flow.producer[taken]);
  const [view, gather] = [present(flow.nodes[node]), flow.nodes[source]];
  if (view.domain !== '' || view.opType !== 'Unsqueeze' || gather?.opType !== 'Gather' || gather.domain !== '')
    return undefined;
  const [whole] = present(flow.data[source]);
  const [before, between, after] = [shapeOf(flow, whole), shapeOf(flow, taken), shapeOf(flow, value)];
  const place = numbersOf(flow, gather.inputs[1] ?? '');
  if (!before || !after || between?.length !== before.length - 1 || place?.length !== 1) return undefined;
  const axis = normalAxis(intAttribute(flow, source, 'axis') ?? 0, before.length);
  const fits = after.length === before.length && after.every((dim, at) => dim === (at === axis ? 1 : before[at]));
  const [start] = place;
  if (!fits || start === undefined) return undefined;
  cuts.push({ axis, start: normalAxis(start, present(before[axis])), length: 1 });
  return whole;
}

/** What exporters write where a type stays what it was. */
const isCast = (opType: string): boolean => opType === 'Cast' || opType === 'Identity';

function splitCut(flow: Flow, node: number, value: number): Cut | undefined {
  const { outputs } = present(flow.nodes[node]);
  const whole = shapeOf(flow, present(flow.data[node])[0]);
  if (!whole) return undefined;
  const axis = normalAxis(intAttribute(flow, node, 'axis') ?? 0, whole.length);
  const lengths = outputs.map((name) => shapeOf(flow, flow.ids.get(name))?.[axis]);
  if (!lengths.every((length) => length !== undefined)) return undefined;
  const at = outputs.indexOf(present(flow.names[value]));
  const start = lengths.slice(0, at).reduce((sum, length) => sum + length, 0);
  return { axis, start, length: present(lengths[at]) };
}

function sliceCut(flow: Flow, node: number, value: number): Cut | undefined {
  const [before, after] = [shapeOf(flow, present(flow.data[node])[0]), shapeOf(flow, value)];
  const operand = (at: number) => numbersOf(flow, present(flow.nodes[node]).inputs[at] ?? '');
  if (!before || after?.length !== before.length) return undefined;
  const changed = before.flatMap((dim, axis) => (dim === after[axis] ? [] : [axis]));
  if (changed.length !== 1 || (operand(4) ?? [1]).some((step) => step !== 1)) return undefined;
  const axis = present(changed[0]);
  const axes = operand(3) ?? before.map((_, i) => i);
  const start = operand(1)?.[axes.findIndex((one) => normalAxis(one, before.length) === axis)];
  const length = present(after[axis]);
  const [from, to] = axes.length === 1 ? present(flow.nodes[node]).inputs.slice(1, 3) : [];
  const known = start === undefined ? undefined : start < 0 ? start + present(before[axis]) : start;
  return { axis, start: known, length, from, to };
}

/** The operand of a Concat that a cut takes out whole. */
function operandOf(flow: Flow, node: number, cut: Cut): number | undefined {
  const operands = present(flow.nodes[node]).inputs.map((name) => flow.ids.get(name));
  const rank = shapeOf(flow, operands[0])?.length ?? 0;
  const lengths = operands.map((operand) => shapeOf(flow, operand)?.[cut.axis]);
  if (!lengths.every((length) => length !== undefined)) return undefined;
  if (normalAxis(intAttribute(flow, node, 'axis') ?? 0, rank) !== cut.axis) return undefined;
  const fits = lengths.flatMap((length, at) => {
    const start = lengths.slice(0, at).reduce((sum, one) => sum + one, 0);
    return length === cut.length && (cut.start === undefined || cut.start === start) ? [at] : [];
  });
  return fits.length === 1 ? operands[fits[0] ?? -1] : undefined;
}

/** More nodes than any norm or activation has. */
const maxNormNodes = 40;

/** The residual sum that a norm or an activation works on: no weights are multiplied, and nothing else flows in. */
function sumBehindNorm(
  flow: Flow,
  atoms: ReadonlyMap<number, Atom>,
  inside: (node: number) => boolean,
  value: number,
): number | undefined {
  const seen = new Set<number>([value]);
  const sources = new Set<number>();
  const pending = [value];
  while (pending.length > 0) {
    const current = present(pending.pop());
    if (current !== value && atoms.has(current)) {
      sources.add(current);
      continue;
    }
    const node = present(flow.producer[current]);
    if (node < 0 || !inside(node) || flow.weighted[node] || isAttention(present(flow.nodes[node]))) return undefined;
    for (const operand of present(flow.data[node])) {
      if (!flow.stream[operand] || seen.has(operand)) continue;
      seen.add(operand);
      pending.push(operand);
    }
    if (seen.size > maxNormNodes) return undefined;
  }
  return sources.size === 1 ? [...sources][0] : undefined;
}

function formReason(flow: Flow, entry: number, result: number): string {
  const [before, after] = [shapeOf(flow, entry), shapeOf(flow, result)];
  if (!before || !after) return 'Its shapes cannot be verified, so nothing is known to fit in its place.';
  return `It turns ${before.join('x')} into ${after.join('x')}, so what comes in cannot stand in for what goes out.`;
}

const normalAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

function intAttribute(flow: Flow, node: number, name: string): number | undefined {
  const attribute = present(flow.nodes[node]).attributes.get(name);
  return attribute?.kind === 'int' ? Number(attribute.value) : undefined;
}

/** The numbers of a constant. */
export function numbersOf(flow: Flow, name: string): readonly number[] | undefined {
  const id = flow.ids.get(name);
  const node = id === undefined ? -1 : present(flow.producer[id]);
  const value = node < 0 ? undefined : present(flow.nodes[node]).attributes.get('value');
  const tensor = flow.graph.initializers.get(name) ?? (value?.kind === 'tensor' ? value.value : undefined);
  const values = tensor && tensorValues(tensor);
  return values && Array.from(values as ArrayLike<number | bigint>, Number);
}
