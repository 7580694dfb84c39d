/** Gradients of normalisations, softmax and reductions. */
import { present } from '../../../errors/present';
import { elementCount } from '../../../onnx/dataTypes';
import { intAttribute, intsAttribute } from '../../../onnx/shapes/OpCall';
import type { GraphWriter } from '../GraphWriter';
import type { GradientRules, Rule, RuleCall } from '../Rule';
import { axisOf } from './arrangement';

/**
 * With the normalised value n = (x - mean) r: dx = r (g - mean(g) - n mean(g n)), g = dy scale; dscale = sum(dy n).
 * Mean and inverse deviation are the node's second and third outputs (lowering adds them).
 */
function layerNormalization({ w, node, inputs, gradient }: RuleCall): ReturnType<Rule> {
  const [x, scale] = inputs as [string, string];
  const shape = w.shape(x);
  const axis = axisOf(intAttribute(node, 'axis', -1), shape.length);
  const axes = shape.flatMap((_, i) => (i >= axis ? [i] : []));
  const length = elementCount(shape.slice(axis));
  const [, mean, inverse] = node.outputs as [string, string, string];
  const plain = w.isOnes(scale);
  const normal = (): string => (plain && !inputs[2] ? present(node.outputs[0]) : w.mul(w.sub(x, mean), inverse));
  const product = (): string => w.mul(gradient, normal());
  /** mean(value scale) over the normalised axes: a product with a vector where that is the last axis alone. */
  const weightedMean = (value: string): string => {
    if (plain) return w.reduceMean(value, axes);
    if (axes.length > 1 || w.rank(scale) !== 1) return w.reduceMean(w.mul(value, scale), axes);
    return w.matMul(value, w.reshape(w.times(scale, 1 / length), [length, 1]));
  };
  return [
    () => {
      const scaled = plain ? gradient : w.mul(gradient, scale);
      const centred = w.sub(scaled, weightedMean(gradient));
      return w.mul(w.sub(centred, w.mul(normal(), weightedMean(product()))), inverse);
    },
    () => product(),
    () => gradient,
  ];
}

function softmax({ w, node, gradient }: RuleCall): ReturnType<Rule> {
  const [y] = node.outputs as [string];
  const axis = axisOf(intAttribute(node, 'axis', -1), w.rank(y));
  return [
    () => {
      const product = w.mul(gradient, y);
      return w.sub(product, w.mul(y, w.reduceSum(product, [axis])));
    },
  ];
}

function logSoftmax({ w, node, gradient }: RuleCall): ReturnType<Rule> {
  const [y] = node.outputs as [string];
  const axis = axisOf(intAttribute(node, 'axis', -1), w.rank(y));
  return [() => w.sub(gradient, w.mul(w.unary('Exp', y), w.reduceSum(gradient, [axis])))];
}

/** `spread`: from the gradient, in the shape with axes kept, to one that broadcasts to x's. */
const reduction =
  (spread: (w: GraphWriter, gradient: string, x: string, y: string, count: number) => string): Rule =>
  ({ w, node, inputs, gradient, numbers }) => {
    const [x] = inputs as [string];
    const shape = w.shape(x);
    const given = intsAttribute(node, 'axes') ?? (inputs[1] ? numbers(inputs[1]) : []);
    if (!given) return [];
    const none = given.length === 0;
    if (none && intAttribute(node, 'noop_with_empty_axes', 0) === 1) return [() => gradient];
    const axes = none ? shape.map((_, i) => i) : given.map((axis) => axisOf(axis, shape.length));
    const kept = shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
    const count = axes.reduce((product, axis) => product * present(shape[axis]), 1);
    return [
      () => w.expand(spread(w, w.reshape(gradient, kept), x, w.reshape(present(node.outputs[0]), kept), count), shape),
    ];
  };

/** To the elements that are the extreme; equal ones share. */
const extreme: Rule = reduction((w, gradient, x, y, count) => {
  const taken = w.cast(w.compare('Equal', x, y), w.type(x).dataType);
  const axes = w.shape(x).flatMap((dim, i) => (w.shape(y)[i] === dim ? [] : [i]));
  return count === 1 ? gradient : w.mul(taken, w.div(gradient, w.reduceSum(taken, axes)));
});

export const normalisationRules: GradientRules = {
  LayerNormalization: layerNormalization,
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  ReduceSum: reduction((_, gradient) => gradient),
  ReduceMean: reduction((w, gradient, _, __, count) => w.times(gradient, 1 / count)),
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceL1: reduction((w, gradient, x) => w.mul(gradient, w.unary('Sign', x))),
  ReduceL2: reduction((w, gradient, x, y) => w.mul(x, w.div(gradient, y))),
  ReduceSumSquare: reduction((w, gradient, x) => w.mul(x, w.times(gradient, 2))),
  ReduceLogSumExp: reduction((w, gradient, x, y) => w.mul(gradient, w.unary('Exp', w.sub(x, y)))),
};
