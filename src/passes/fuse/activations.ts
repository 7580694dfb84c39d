/**
 * Activations that exporters spell out (GELU by erf or tanh, SiLU, x * sigmoid(1.702 x)) become one operator. They are
 * told by what they compute, not by how it is written: the expression around an Erf, Tanh or Sigmoid is evaluated at
 * a few points.
 */
import { present } from '../../errors/present';
import type { Attribute, Node } from '../../onnx/model';
import { float } from '../attributes';
import type { GraphEditor } from '../GraphEditor';

type Real = (x: number) => number;

interface Activation {
  readonly is: Real;
  readonly opType: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

const sigmoid: Real = (x) => 1 / (1 + Math.exp(-x));

/** Abramowitz and Stegun 7.1.26: within 1.5e-7. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}

/** All of com.microsoft: there for every opset, and on every backend. */
const activations: readonly Activation[] = [
  { opType: 'Gelu', is: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)) },
  { opType: 'FastGelu', is: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))) },
  { opType: 'QuickGelu', is: (x) => x * sigmoid(x), attributes: { alpha: float(1) } },
  { opType: 'QuickGelu', is: (x) => x * sigmoid(1.702 * x), attributes: { alpha: float(1.702) } },
];

const points = [-4.1, -2.3, -1.2, -0.4, 0, 0.3, 1.1, 1.9, 3.2];
/** GELU by erf and by tanh are 5e-4 apart at most, and 2e-4 at one of the points. */
const tolerance = 2e-6;

const unary: Readonly<Record<string, Real>> = { Erf: erf, Tanh: Math.tanh, Sigmoid: sigmoid };
const binary: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => a ** b,
};

/** More nodes than any exporter takes for one activation. */
const largest = 14;

/** Returns how many were fused. `wanted`: operators that the backend has. */
export function fuseActivations(editor: GraphEditor, wanted: ReadonlySet<string>): number {
  let fused = 0;
  for (const node of editor.all)
    if (node.domain === '' && unary[node.opType] && editor.has(node) && fuseAround(editor, node, wanted)) fused++;
  return fused;
}

/** Goes on from the node, one reader after the other, until what was computed from one value so far is an activation of it. */
function fuseAround(editor: GraphEditor, start: Node, wanted: ReadonlySet<string>): boolean {
  let node = start;
  for (let steps = 0; steps < 5; steps++) {
    const users = editor.users(present(node.outputs[0]));
    if (users.length !== 1 || editor.isKept(present(node.outputs[0]))) return false;
    node = present(users[0]);
    if (node.domain !== '' || !binary[node.opType]) return false;
    const found = node.opType === 'Mul' ? activationOf(editor, node) : undefined;
    if (!found || !wanted.has(found.activation.opType)) continue;
    const type = editor.dataType(found.input);
    if ((type !== 'float32' && type !== 'float16') || !sameSize(editor, found.input, present(node.outputs[0])))
      return false;
    editor.replace(node, { ...found.activation, domain: 'com.microsoft', inputs: [found.input] });
    return true;
  }
  return false;
}

function sameSize(editor: GraphEditor, a: string, b: string): boolean {
  const [left, right] = [editor.shape(a), editor.shape(b)];
  return (
    left !== undefined &&
    right !== undefined &&
    left.length === right.length &&
    left.every((size, i) => size === right[i])
  );
}

/** What `value` is as a function of `input`; undefined where it depends on anything else, or swallows what is kept. */
function expression(editor: GraphEditor, value: string, input: string): Real | undefined {
  let nodes = 0;
  let reached = false;
  const read = (name: string): Real | undefined => {
    if (name === input) {
      reached = true;
      return (x) => x;
    }
    const constant = editor.constant(name);
    if (constant) return constant.length === 1 ? () => present(constant[0]) : undefined;
    const node = editor.maker(name);
    if (!node || node.domain !== '' || ++nodes > largest || (name !== value && editor.isKept(name))) return undefined;
    const [a, b] = node.inputs.map(read);
    const [one, two] = [unary[node.opType], binary[node.opType]];
    if (one && a) return (x) => one(a(x));
    return two && a && b ? (x) => two(a(x), b(x)) : undefined;
  };
  const result = read(value);
  return reached ? result : undefined;
}

/** The value that everything comes from stands right before the node or one further back: x * f(x), with x a sum. */
function activationOf(
  editor: GraphEditor,
  root: Node,
): { readonly activation: Activation; readonly input: string } | undefined {
  const before = root.inputs.concat(root.inputs.flatMap((name) => editor.maker(name)?.inputs ?? []));
  for (const input of new Set(before)) {
    const computed = editor.constant(input) ? undefined : expression(editor, present(root.outputs[0]), input);
    if (!computed) continue;
    const close = (x: number, is: Real) => Math.abs(computed(x) - is(x)) <= tolerance * Math.max(1, Math.abs(x));
    const activation = activations.find(({ is }) => points.every((x) => close(x, is)));
    if (activation) return { activation, input };
  }
  return undefined;
}
