/** Gradients of operators that work element by element. Broadcasting is undone by the caller. */
import { present } from '../../../errors/present';
import { intAttribute, textAttribute } from '../../../onnx/shapes/OpCall';
import type { GraphWriter } from '../GraphWriter';
import type { GradientRules, Rule, RuleCall } from '../Rule';

/** `slope` of x, given the output y as well. */
const unary =
  (slope: (w: GraphWriter, x: string, y: string) => string): Rule =>
  ({ w, node, inputs: [x], gradient }) => [() => w.mul(gradient, slope(w, present(x), present(node.outputs[0])))];

/** The gradient where the condition holds, else zero. */
const masked =
  (condition: (w: GraphWriter, x: string) => string): Rule =>
  ({ w, inputs: [x], gradient }) => [() => w.where(condition(w, present(x)), gradient, w.scalar(0))];

const positive = (w: GraphWriter, x: string): string => w.compare('Greater', x, w.scalar(0));

/** d/dx x^p = p x^(p - 1); p constant, or (for positive x) dy/dp = y log x. */
function pow({ w, node, inputs, gradient, numbers }: RuleCall): ReturnType<Rule> {
  const [x, p] = inputs as [string, string];
  const powers = numbers(p);
  const slope = (): string => {
    if (powers?.length === 1) {
      const [power] = powers as [number];
      if (power === 1) return w.scalar(1);
      if (power === 2) return w.times(x, 2);
      if (power === 3) return w.times(w.mul(x, x), 3);
      if (power === 0.5) return w.div(w.scalar(0.5), present(node.outputs[0]));
      return w.times(w.binary('Pow', x, w.scalar(power - 1)), power);
    }
    const exponent = w.cast(p, w.type(x).dataType);
    return w.mul(exponent, w.binary('Pow', x, w.plus(exponent, -1)));
  };
  return [() => w.mul(gradient, slope()), () => w.mul(gradient, w.mul(present(node.outputs[0]), w.unary('Log', x)))];
}

/** To the operand that was taken; of equal ones each gets the whole, as at a kink either does. */
const extreme =
  (opType: 'Greater' | 'Less'): Rule =>
  ({ w, inputs, gradient }) => {
    const [a, b] = inputs as [string, string];
    const other = opType === 'Greater' ? 'Less' : 'Greater';
    const taken = (mine: string, theirs: string) => w.where(w.compare(other, mine, theirs), w.scalar(0), gradient);
    return [() => taken(a, b), () => w.where(w.compare(opType, b, a), gradient, w.scalar(0))];
  };

/** Limits are inputs (opset 11 on) without a gradient of their own. */
function clip({ w, inputs, gradient }: RuleCall): ReturnType<Rule> {
  const [x, low, high] = inputs;
  return [
    () => {
      let result = gradient;
      if (low) result = w.where(w.compare('Less', present(x), low), w.scalar(0), result);
      if (high) result = w.where(w.compare('Greater', present(x), high), w.scalar(0), result);
      return result;
    },
  ];
}

/** Phi(x) + x phi(x), or the derivative of the tanh form. */
function gelu({ w, node, inputs: [x], gradient }: RuleCall): ReturnType<Rule> {
  const tanh = textAttribute(node, 'approximate', 'none') === 'tanh';
  return [() => w.mul(gradient, tanh ? tanhGeluSlope(w, present(x)) : erfGeluSlope(w, present(x)))];
}

export function erfGeluSlope(w: GraphWriter, x: string): string {
  const cdf = w.times(w.plus(w.unary('Erf', w.times(x, Math.SQRT1_2)), 1), 0.5);
  const density = w.times(w.unary('Exp', w.times(w.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return w.add(cdf, w.mul(x, density));
}

export function tanhGeluSlope(w: GraphWriter, x: string): string {
  const [a, b] = [Math.sqrt(2 / Math.PI), 0.044715];
  const square = w.mul(x, x);
  const t = w.unary('Tanh', w.mul(x, w.plus(w.times(square, a * b), a)));
  const inner = w.plus(w.times(square, 3 * a * b), a);
  const half = w.times(w.plus(t, 1), 0.5);
  return w.add(half, w.mul(w.times(x, 0.5), w.mul(w.sub(w.scalar(1), w.mul(t, t)), inner)));
}

const cast: Rule = ({ w, inputs: [x], gradient }) => [
  () => (w.isFloat(present(x)) ? w.cast(gradient, w.type(present(x)).dataType) : undefined),
];

export const elementwiseRules: GradientRules = {
  Identity: ({ gradient }) => [() => gradient],
  Cast: cast,
  Dropout: ({ gradient }) => [() => gradient],
  Add: ({ gradient }) => [() => gradient, () => gradient],
  Sub: ({ w, gradient }) => [() => gradient, () => w.neg(gradient)],
  Mul: ({ w, inputs: [a, b], gradient }) =>
    a === b
      ? [() => w.mul(gradient, w.times(present(a), 2)), () => undefined]
      : [() => w.mul(gradient, present(b)), () => w.mul(gradient, present(a))],
  Div: ({ w, node, inputs: [, b], gradient }) => [
    () => w.div(gradient, present(b)),
    () => w.neg(w.div(w.mul(gradient, present(node.outputs[0])), present(b))),
  ],
  Neg: ({ w, gradient }) => [() => w.neg(gradient)],
  Exp: unary((_, __, y) => y),
  Log: ({ w, inputs: [x], gradient }) => [() => w.div(gradient, present(x))],
  Sqrt: ({ w, node, gradient }) => [() => w.div(w.times(gradient, 0.5), present(node.outputs[0]))],
  Reciprocal: unary((w, _, y) => w.neg(w.mul(y, y))),
  Sin: unary((w, x) => w.unary('Cos', x)),
  Cos: unary((w, x) => w.neg(w.unary('Sin', x))),
  Tanh: unary((w, _, y) => w.sub(w.scalar(1), w.mul(y, y))),
  Sigmoid: unary((w, _, y) => w.mul(y, w.sub(w.scalar(1), y))),
  Softplus: unary((w, x) => w.unary('Sigmoid', x)),
  Erf: unary((w, x) => w.times(w.unary('Exp', w.neg(w.mul(x, x))), 2 / Math.sqrt(Math.PI))),
  Abs: unary((w, x) => w.unary('Sign', x)),
  Relu: masked(positive),
  LeakyRelu: ({ w, node, inputs: [x], gradient }) => {
    const attribute = node.attributes.get('alpha');
    const alpha = attribute?.kind === 'float' ? attribute.value : 0.01;
    return [() => w.where(positive(w, present(x)), gradient, w.times(gradient, alpha))];
  },
  Gelu: gelu,
  Pow: pow,
  Max: extreme('Greater'),
  Min: extreme('Less'),
  Clip: clip,
  Where: ({ w, inputs: [condition], gradient }) => [
    undefined,
    () => w.where(present(condition), gradient, w.scalar(0)),
    () => w.where(present(condition), w.scalar(0), gradient),
  ],
  /** Steps: no gradient anywhere. */
  ...Object.fromEntries(
    ['Floor', 'Ceil', 'Round', 'Sign'].map((opType): [string, Rule] => [opType, () => [() => undefined]]),
  ),
  Trilu: ({ w, node, inputs: [, k], gradient }) => [
    () =>
      present(
        w.emit('Trilu', k ? [gradient, k] : [gradient], [w.type(gradient)], {
          attributes: { upper: intAttribute(node, 'upper', 1) },
        })[0],
      ),
  ],
};
