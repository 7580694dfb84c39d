/**
 * AdamW with clipping by the global norm and averaged weights, on flat tensors (Loshchilov and Hutter, 2019; in PyTorch's
 * order of operations: decay first, epsilon outside the corrected root). Written into a graph; holds no state.
 */
import type { GraphWriter } from '../differentiate/GraphWriter';

export interface AdamW {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Gradients longer than this are shortened to it; Infinity leaves them. */
  readonly clip: number;
  /** Share of the old average that stays in the average of the weights. */
  readonly averaging: number;
}

/** The recipe that healed the bundled teacher's student. */
export const defaultAdamW: AdamW = {
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.01,
  clip: 1,
  averaging: 0.99,
};

/** Names of values: flat tensors of one length, and scalars. */
export interface OptimiserState {
  readonly parameters: string;
  /** First and second moments. */
  readonly m: string;
  readonly v: string;
  readonly average: string;
  /** Updates done before this one, a scalar float. */
  readonly step: string;
}

export interface OptimiserResult extends OptimiserState {
  /** Before clipping. */
  readonly gradientNorm: string;
}

/** `learningRate` is a scalar value; results are named by `named`. */
export function writeAdamW(
  w: GraphWriter,
  { beta1, beta2, epsilon, weightDecay, clip, averaging }: AdamW,
  state: OptimiserState,
  gradient: string,
  learningRate: string,
  named: (part: keyof OptimiserResult) => string,
): OptimiserResult {
  const one = w.scalar(1);
  const squares = w.mul(gradient, gradient);
  const gradientNorm = w.unary('Sqrt', w.sumAll(squares), { as: named('gradientNorm') });
  const shorter = Number.isFinite(clip) ? w.binary('Min', one, w.div(w.scalar(clip), w.plus(gradientNorm, 1e-6))) : one;
  const step = w.add(state.step, one, named('step'));
  // as much as possible is done on scalars: each operator on a flat tensor is a pass over all of it
  const m = w.add(w.times(state.m, beta1), w.mul(gradient, w.times(shorter, 1 - beta1)), named('m'));
  const v = w.add(w.times(state.v, beta2), w.mul(squares, w.times(w.mul(shorter, shorter), 1 - beta2)), named('v'));
  const correction = (beta: number): string => w.sub(one, w.binary('Pow', w.scalar(beta), step));
  // lr (m / c1) / (sqrt(v / c2) + epsilon) = (lr sqrt(c2) / c1) m / (sqrt(v) + epsilon sqrt(c2))
  const root = w.unary('Sqrt', correction(beta2));
  const rate = w.div(w.mul(learningRate, root), correction(beta1));
  const change = w.mul(w.div(m, w.add(w.unary('Sqrt', v), w.times(root, epsilon))), rate);
  const decayed =
    weightDecay === 0 ? state.parameters : w.mul(state.parameters, w.sub(one, w.times(learningRate, weightDecay)));
  const parameters = w.sub(decayed, change, named('parameters'));
  const average = w.add(w.times(state.average, averaging), w.times(parameters, 1 - averaging), named('average'));
  return { parameters, m, v, average, step, gradientNorm };
}
