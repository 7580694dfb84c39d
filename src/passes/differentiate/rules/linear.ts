/** Gradients of matrix products, convolutions and changes of size. */
import { present } from '../../../errors/present';
import { floatAttribute, intAttribute } from '../../../onnx/shapes/OpCall';
import { imageGradient, weightGradient, windowAttributes, windowsOf } from '../convolution';
import type { GraphWriter } from '../GraphWriter';
import type { GradientRules, Rule, RuleCall } from '../Rule';

const count = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** [..., last] -> [rows, last] */
const rows = (w: GraphWriter, x: string): string => {
  const shape = w.shape(x);
  return w.reshape(x, [count(shape.slice(0, -1)), present(shape.at(-1))]);
};

/** [..., row, last] -> [row, ... last] */
function wide(w: GraphWriter, x: string): string {
  const shape = w.shape(x);
  const rank = shape.length;
  const moved = w.transpose(x, [rank - 2, ...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1]);
  return w.reshape(moved, [present(shape[rank - 2]), count(shape) / present(shape[rank - 2])]);
}

/** Of weights [K, N] one product of matrices each; of batches of matrices the same with transposes. */
function matMul({ w, inputs, gradient }: RuleCall): ReturnType<Rule> {
  const [a, b] = inputs as [string, string];
  if (w.rank(a) < 2 || w.rank(b) < 2) return vectorMatMul({ w, inputs, gradient });
  if (w.rank(b) === 2)
    return [
      () => w.reshape(w.gemm(rows(w, gradient), b, false, true), w.shape(a)),
      () => w.gemm(rows(w, a), rows(w, gradient), true, false),
    ];
  return [
    () => (w.rank(a) === 2 ? w.gemm(wide(w, gradient), wide(w, b), false, true) : w.matMul(gradient, w.swapLast(b))),
    () => w.matMul(w.swapLast(a), gradient),
  ];
}

/** A vector is a matrix of one row or column. */
function vectorMatMul({ w, inputs, gradient }: Pick<RuleCall, 'w' | 'inputs' | 'gradient'>): ReturnType<Rule> {
  const [a, b] = inputs as [string, string];
  const left = w.rank(a) === 1 ? w.reshape(a, [1, present(w.shape(a)[0])]) : a;
  const right = w.rank(b) === 1 ? w.reshape(b, [present(w.shape(b)[0]), 1]) : b;
  const batch = w.rank(left) > w.rank(right) ? w.shape(left).slice(0, -2) : w.shape(right).slice(0, -2);
  const whole = w.reshape(gradient, [...batch, present(w.shape(left).at(-2)), present(w.shape(right).at(-1))]);
  return [
    () => w.reshape(w.reduceTo(w.matMul(whole, w.swapLast(right)), w.shape(left)), w.shape(a)),
    () => w.reshape(w.reduceTo(w.matMul(w.swapLast(left), whole), w.shape(right)), w.shape(b)),
  ];
}

function gemm({ w, node, inputs, gradient }: RuleCall): ReturnType<Rule> {
  const [a, b] = inputs as [string, string];
  const [transA, transB] = [intAttribute(node, 'transA', 0) === 1, intAttribute(node, 'transB', 0) === 1];
  const alpha = floatAttribute(node, 'alpha', 1);
  return [
    () => (transA ? w.gemm(b, gradient, transB, true, alpha) : w.gemm(gradient, b, false, !transB, alpha)),
    () => (transB ? w.gemm(gradient, a, true, transA, alpha) : w.gemm(a, gradient, !transA, false, alpha)),
    () => w.times(gradient, floatAttribute(node, 'beta', 1)),
  ];
}

/** Of one group: more are taken apart before. */
function convolution({ w, node, inputs, gradient }: RuleCall): ReturnType<Rule> {
  const [x, weights] = inputs as [string, string];
  const windows = windowsOf(node, w.shape(x).slice(2), w.shape(gradient).slice(2), w.shape(weights).slice(2));
  if (windows.groups !== 1) return [];
  return [
    () => imageGradient(w, weights, gradient, windows),
    () => weightGradient(w, x, gradient, windows),
    () => channelSums(w, gradient),
  ];
}

/** Sums over everything but the channels. */
const channelSums = (w: GraphWriter, gradient: string): string =>
  w.reduceSum(
    gradient,
    w.shape(gradient).flatMap((_, axis) => (axis === 1 ? [] : [axis])),
    false,
  );

/** The gradient of an image is the convolution that it transposes. */
function transposedConvolution({ w, node, inputs, gradient }: RuleCall): ReturnType<Rule> {
  const [x, weights] = inputs as [string, string];
  const windows = windowsOf(node, w.shape(gradient).slice(2), w.shape(x).slice(2), w.shape(weights).slice(2));
  if (windows.groups !== 1 || node.attributes.has('output_shape')) return [];
  return [
    () => present(w.emit('Conv', [gradient, weights], [w.type(x)], { attributes: windowAttributes(windows) })[0]),
    () => weightGradient(w, gradient, x, windows),
    () => channelSums(w, gradient),
  ];
}

/** Nearest neighbours by whole factors: sums over the copies. Others are matrix products by then. */
function resize({ w, inputs: [x], gradient }: RuleCall): ReturnType<Rule> {
  return [
    () => {
      const from = w.shape(present(x));
      const factors = w.shape(gradient).map((dim, i) => dim / present(from[i]));
      const apart = from.flatMap((dim, i) => (factors[i] === 1 ? [dim] : [dim, present(factors[i])]));
      let at = -1;
      const axes = factors.flatMap((factor) => {
        at += factor === 1 ? 1 : 2;
        return factor === 1 ? [] : [at];
      });
      return w.reshape(w.reduceSum(w.reshape(gradient, apart), axes), from);
    },
    ...[1, 2, 3].map(() => () => undefined), // regions, scales and sizes
  ];
}

export const linearRules: GradientRules = {
  MatMul: matMul,
  Gemm: gemm,
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  Resize: resize,
};
