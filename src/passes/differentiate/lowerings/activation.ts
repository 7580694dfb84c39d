/** Activations and sums that are shorthand for others. */
import { present } from '../../../errors/present';
import { floatAttribute } from '../../../onnx/shapes/OpCall';
import type { Lowering, LoweringCall, Lowerings } from '../Rule';

/** x sigmoid(alpha x): SiLU for alpha 1. */
const gated =
  (alpha: (call: LoweringCall) => number): Lowering =>
  (call) => {
    const {
      w,
      node,
      inputs: [x],
    } = call;
    w.mul(present(x), w.unary('Sigmoid', w.times(present(x), alpha(call))), node.outputs[0]);
    return true;
  };

/** The tanh form, with a bias where one is given. */
function fastGelu({ w, node, inputs: [x, bias] }: LoweringCall): boolean {
  const value = bias ? w.add(present(x), bias) : present(x);
  const cubic = w.mul(
    value,
    w.plus(w.times(w.mul(value, value), Math.sqrt(2 / Math.PI) * 0.044715), Math.sqrt(2 / Math.PI)),
  );
  w.mul(w.times(value, 0.5), w.plus(w.unary('Tanh', cubic), 1), node.outputs[0]);
  return true;
}

function gelu({ w, node, inputs: [x, bias] }: LoweringCall): boolean {
  const value = bias ? w.add(present(x), bias) : present(x);
  w.mul(w.times(value, 0.5), w.plus(w.unary('Erf', w.times(value, Math.SQRT1_2)), 1), node.outputs[0]);
  return true;
}

function hardSwish({ w, node, inputs: [x] }: LoweringCall): boolean {
  const gate = present(
    w.emit('Clip', [w.plus(w.times(present(x), 1 / 6), 0.5), w.scalar(0), w.scalar(1)], [w.type(present(x))])[0],
  );
  w.mul(present(x), gate, node.outputs[0]);
  return true;
}

function mish({ w, node, inputs: [x] }: LoweringCall): boolean {
  w.mul(present(x), w.unary('Tanh', w.unary('Softplus', present(x))), node.outputs[0]);
  return true;
}

/** Of any number of operands: two at a time. */
const variadic =
  (opType: 'Add' | 'Max' | 'Min', mean = false): Lowering =>
  ({ w, node, inputs }) => {
    const [output] = node.outputs as [string];
    if (inputs.length === 2 && opType !== 'Add') return false;
    const last = mean ? undefined : output;
    const sum = inputs
      .slice(1)
      .reduce(
        (result, operand, i) => w.binary(opType, result, operand, { as: i === inputs.length - 2 ? last : undefined }),
        present(inputs[0]),
      );
    if (mean) w.times(sum, 1 / inputs.length, output);
    else if (inputs.length === 1) w.emit('Identity', [sum], [w.type(sum)], { as: output });
    return true;
  };

export const activationLowerings: Lowerings = {
  QuickGelu: gated(({ node }) => floatAttribute(node, 'alpha', 1.702)),
  Swish: gated(({ node }) => floatAttribute(node, 'alpha', 1)),
  FastGelu: fastGelu,
  BiasGelu: gelu,
  'com.microsoft.Gelu': gelu,
  HardSwish: hardSwish,
  Mish: mish,
  Sum: variadic('Add'),
  Mean: variadic('Add', true),
  Max: variadic('Max'),
  Min: variadic('Min'),
};
