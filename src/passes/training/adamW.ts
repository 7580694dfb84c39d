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
  const gradientNorm = w.unary('Sqrt', w.sumAll(w.mul(gradient, gradient)), { as: named('gradientNorm') });
  const shorter = w.binary('Min', one, w.div(w.scalar(clip), w.plus(gradientNorm, 1e-6)));
  const clipped = Number.isFinite(clip) ? w.mul(gradient, shorter) : gradient;
  const step = w.add(state.step, one, named('step'));
  const m = w.add(w.times(state.m, beta1), w.times(clipped, 1 - beta1), named('m'));
  const v = w.add(w.times(state.v, beta2), w.times(w.mul(clipped, clipped), 1 - beta2), named('v'));
  const correction = (beta: number): string => w.sub(one, w.binary('Pow', w.scalar(beta), step));
  // lr m / c1 / (sqrt(v / c2) + epsilon), with as much as possible done on scalars
  const root = w.mul(w.unary('Sqrt', v), w.unary('Reciprocal', w.unary('Sqrt', correction(beta2))));
  const change = w.mul(w.div(m, w.plus(root, epsilon)), w.div(learningRate, correction(beta1)));
  const decayed =
    weightDecay === 0 ? state.parameters : w.mul(state.parameters, w.sub(one, w.times(learningRate, weightDecay)));
  const parameters = w.sub(decayed, change, named('parameters'));
  const average = w.add(w.times(state.average, averaging), w.times(parameters, 1 - averaging), named('average'));
  return { parameters, m, v, average, step, gradientNorm };
}
