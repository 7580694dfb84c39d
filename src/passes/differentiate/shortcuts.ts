/**
 * Gradients of several operators at once, where that takes fewer passes over the data than one after the other: x sigmoid(a x)
 * and the GELU as exporters spell them. A matter of speed alone: without these the rules give the same.
 */
import { present } from '../../errors/present';
import type { Node } from '../../onnx/model';
import type { GraphWriter } from './GraphWriter';
import type { Numbers } from './Rule';

export interface ShortcutCall {
  readonly w: GraphWriter;
  readonly node: Node;
  readonly gradient: string;
  readonly numbers: Numbers;
  /** The node that makes a value. */
  readonly maker: (name: string) => Node | undefined;
}

/** The value that the whole expression depends on, and its gradient. */
export interface Shortcut {
  readonly value: string;
  readonly gradient: string;
}

export function shortcut(call: ShortcutCall): Shortcut | undefined {
  return call.node.opType === 'Mul' ? (swish(call) ?? gelu(call)) : undefined;
}

/** y = x s, s = sigmoid(a x): dx = dy (s + a (y - y s)). */
function swish({ w, node, gradient, numbers, maker }: ShortcutCall): Shortcut | undefined {
  const [y] = node.outputs as [string];
  for (const [x, s] of [node.inputs, node.inputs.toReversed()] as [string, string][]) {
    const sigmoid = maker(s);
    if (sigmoid?.opType !== 'Sigmoid') continue;
    const alpha = multipleOf(x, present(sigmoid.inputs[0]), numbers, maker);
    if (alpha === undefined || w.rank(x) !== w.rank(y)) continue;
    const slope = w.add(s, w.times(w.sub(y, w.mul(y, s)), alpha));
    return { value: x, gradient: w.mul(gradient, slope) };
  }
  return undefined;
}

/** y = x (1 + erf(z)) / 2, z = x / sqrt(2), in any order: dx = dy ((1 + erf(z)) / 2 + z exp(-z^2) / sqrt(pi)). */
function gelu({ w, node, gradient, numbers, maker }: ShortcutCall): Shortcut | undefined {
  const factors = factorsOf(node, maker);
  const half = factors.find((name) => single(numbers(name)) === 0.5);
  const others = factors.filter((name) => name !== half);
  if (half === undefined || others.length !== 2) return undefined;
  for (const [x, sum] of [others, others.toReversed()] as [string, string][]) {
    const erf =
      maker(sum)?.opType === 'Add'
        ? present(maker(sum)).inputs.find((name) => maker(name)?.opType === 'Erf')
        : undefined;
    const one = erf === undefined ? undefined : present(maker(sum)).inputs.find((name) => name !== erf);
    if (erf === undefined || single(numbers(one)) !== 1) continue;
    const [z] = present(maker(erf)).inputs as [string];
    const scale = multipleOf(x, z, numbers, maker);
    if (scale === undefined || Math.abs(scale - Math.SQRT1_2) > 1e-6) continue;
    // the factor 1 / sqrt(pi) in the exponent: there it costs no pass of its own
    const exponent = w.sub(w.scalar(-Math.log(Math.PI) / 2), w.mul(z, z));
    const slope = w.add(w.times(sum, 0.5), w.mul(z, w.unary('Exp', exponent)));
    return { value: x, gradient: w.mul(gradient, slope) };
  }
  return undefined;
}

const single = (numbers: readonly number[] | undefined): number | undefined =>
  numbers?.length === 1 ? numbers[0] : undefined;

/** a for `value` = a x. */
function multipleOf(x: string, value: string, numbers: Numbers, maker: ShortcutCall['maker']): number | undefined {
  if (value === x) return 1;
  const node = maker(value);
  if (node?.opType === 'Div' && node.inputs[0] === x) {
    const divisor = single(numbers(node.inputs[1]));
    return divisor === undefined ? undefined : 1 / divisor;
  }
  if (node?.opType !== 'Mul' || !node.inputs.includes(x)) return undefined;
  return single(numbers(node.inputs.find((name) => name !== x)));
}

/** Of a product of three in two nodes. */
function factorsOf(node: Node, maker: ShortcutCall['maker']): readonly string[] {
  const inner = node.inputs.find((name) => maker(name)?.opType === 'Mul');
  if (inner === undefined) return node.inputs;
  return [...present(maker(inner)).inputs, ...node.inputs.filter((name) => name !== inner)];
}
