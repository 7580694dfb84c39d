/**
 * Losses as pieces of a graph. Each takes values of the student and adds inputs for what they are compared with; the
 * training step sums them with their weights.
 */
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import { meanSquare } from '../differentiate/differentiate';
import type { GraphWriter } from '../differentiate/GraphWriter';

export type Loss =
  /** Mean squared difference of an output (the first, where `value` is absent) to the input `target`. */
  | {
      readonly kind: 'output';
      readonly name: string;
      readonly weight: LossWeight;
      readonly value?: string;
      readonly target?: string;
    }
  /**
   * Individual content distillation (L_ICD of VDMini): the mean over taps of the mean squared difference of the student's
   * value to the input `teacher:VALUE` of its shape, all frames alike. `normalised`: each tap over the mean square of the
   * teacher's values.
   */
  | {
      readonly kind: 'icd';
      readonly name: string;
      readonly weight: LossWeight;
      readonly taps: readonly Tap[];
      readonly normalised: boolean;
    }
  /** mean(max(0, 1 - label * value)), `label` an input of the value's shape: 1 for real, -1 for fake. */
  | {
      readonly kind: 'hinge';
      readonly name: string;
      readonly weight: LossWeight;
      readonly value: string;
      readonly label: string;
    }
  /** mean(max(0, 1 - real)) + mean(max(0, 1 + fake)): the first third of the value's rows are real, the second fake. */
  | { readonly kind: 'real-fake'; readonly name: string; readonly weight: LossWeight; readonly value: string }
  /** mean((nudged - real)^2): the first third of the value's rows are real, the last the same nudged. */
  | { readonly kind: 'nudge'; readonly name: string; readonly weight: LossWeight; readonly value: string }
  /** mean(value * sign): -1 for a generator whose critic's score is to rise. */
  | {
      readonly kind: 'mean';
      readonly name: string;
      readonly weight: LossWeight;
      readonly value: string;
      readonly sign: 1 | -1;
    }
  /**
   * sum(value * direction), `direction` an input of the value's shape. With the gradient of a critic's loss by the
   * student's output, found by another graph, as direction, this adds that gradient.
   */
  | {
      readonly kind: 'direction';
      readonly name: string;
      readonly weight: LossWeight;
      readonly value?: string;
      readonly direction: string;
    };

/** A number, or the name of a scalar input for weights that change while training. */
export type LossWeight = number | { readonly input: string };

export interface Tap {
  /** Of the student's graph. */
  readonly value: string;
  /** The input that the teacher's value comes in; `teacher:VALUE` where absent. */
  readonly teacher?: string;
}

/** What a loss is written into. `input` declares a graph input once and returns its name. */
export interface LossGraph {
  readonly w: GraphWriter;
  readonly outputs: readonly string[];
  input(name: string, shape: readonly number[]): string;
}

/** The student's values that it reads, besides the outputs. */
export function valuesOf(loss: Loss): readonly string[] {
  if (loss.kind === 'icd') return loss.taps.map(({ value }) => value);
  return loss.value === undefined ? [] : [loss.value];
}

/** The loss without its weight, a scalar value. Throws `passes/unknown-value`. */
export function writeLoss(graph: LossGraph, loss: Loss): string {
  const { w } = graph;
  switch (loss.kind) {
    case 'output': {
      const value = known(graph, loss.value ?? present(graph.outputs[0]));
      return meanSquare(w, w.sub(value, graph.input(loss.target ?? 'target', w.shape(value))));
    }
    case 'icd': {
      const parts = loss.taps.map((tap) => tapError(graph, tap, loss.normalised));
      return w.times(
        parts.reduce((a, b) => w.add(a, b)),
        1 / parts.length,
      );
    }
    case 'hinge': {
      const value = known(graph, loss.value);
      const label = graph.input(loss.label, w.shape(value));
      return mean(w, w.unary('Relu', w.sub(w.scalar(1), w.mul(label, value))));
    }
    case 'real-fake': {
      const [real, fake] = thirds(w, known(graph, loss.value));
      const one = w.scalar(1);
      return w.add(mean(w, w.unary('Relu', w.sub(one, real))), mean(w, w.unary('Relu', w.add(one, fake))));
    }
    case 'nudge': {
      const [real, , nudged] = thirds(w, known(graph, loss.value));
      return meanSquare(w, w.sub(nudged, real));
    }
    case 'mean':
      return w.times(mean(w, known(graph, loss.value)), loss.sign);
    case 'direction': {
      const value = known(graph, loss.value ?? present(graph.outputs[0]));
      return w.sumAll(w.mul(value, graph.input(loss.direction, w.shape(value))));
    }
  }
}

/** The scalar that a loss is multiplied by. */
export function lossWeight(graph: LossGraph, weight: LossWeight): string {
  return typeof weight === 'number' ? graph.w.scalar(weight) : graph.input(weight.input, []);
}

function tapError(graph: LossGraph, { value, teacher }: Tap, normalised: boolean): string {
  const { w } = graph;
  const reference = graph.input(teacher ?? `teacher:${value}`, w.shape(known(graph, value)));
  const error = meanSquare(w, w.sub(value, reference));
  return normalised ? w.div(error, w.plus(meanSquare(w, reference), 1e-12)) : error;
}

function thirds(w: GraphWriter, value: string): readonly [string, string, string] {
  const rows = present(w.shape(value)[0]) / 3;
  const part = (index: number) => w.slice(value, 0, index * rows, (index + 1) * rows);
  return [part(0), part(1), part(2)];
}

function mean(w: GraphWriter, x: string): string {
  const count = w.shape(x).reduce((product, dim) => product * dim, 1);
  return w.times(w.sumAll(x), 1 / count);
}

function known({ w }: LossGraph, value: string): string {
  if (w.types.has(value)) return value;
  throw new StudioError('passes/unknown-value', `The graph has no value ${value}, or one of unknown size.`, { value });
}
