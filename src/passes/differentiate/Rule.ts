/**
 * What a gradient rule is: for one operator, from the gradient of its output to those of its inputs. A rule writes nodes
 * only when asked for an input's gradient; summing over broadcast axes and adding up contributions is not its business.
 */
import type { Node } from '../../onnx/model';
import type { GraphWriter } from './GraphWriter';

/** The elements of a small constant. */
export type Numbers = (name: string | undefined) => readonly number[] | undefined;

export interface RuleCall {
  readonly w: GraphWriter;
  readonly node: Node;
  readonly inputs: readonly string[];
  /** Of the first output: the loss's derivative, of that output's shape. */
  readonly gradient: string;
  /** Of every output; undefined where the loss does not depend on it. */
  readonly gradients: readonly (string | undefined)[];
  readonly numbers: Numbers;
}

/** The gradient of a slice of a value; zero elsewhere. `end` is exclusive. */
export interface Piece {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly value: string;
}

/** A value of the input's shape or of one that it broadcasts to; or of a part of it. */
export type Contribution = string | Piece;

/** One entry per input: a function that gives undefined means zero; no function means that there is no rule for it. */
export type Rule = (call: RuleCall) => readonly ((() => Contribution | undefined) | undefined)[];

export type GradientRules = Readonly<Record<string, Rule>>;

export interface LoweringCall {
  readonly w: GraphWriter;
  readonly node: Node;
  readonly inputs: readonly string[];
  readonly numbers: Numbers;
}

/**
 * Writes what an operator stands for, in operators with rules (or in ones with lowerings themselves). The last node must
 * make the node's own output: pass its name as `as`. False: it stays as it is.
 */
export type Lowering = (call: LoweringCall) => boolean;

export type Lowerings = Readonly<Record<string, Lowering>>;
