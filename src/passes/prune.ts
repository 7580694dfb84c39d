/** The pruned graph: dropped blocks bypassed, what only they needed removed. Inputs and outputs stay as they are. */
import type { BlockTree } from '../blocks/block';
import { type Plan, resolvePlan } from '../blocks/plan';
import { removeDeadCode } from '../onnx/graph';
import type { Model } from '../onnx/model';
import { rewire } from './rewire';
import { withValues } from './surgeryGraph';

/** `tree` must be that of `model`. An empty plan removes nothing but code that was dead before. Throws as `resolvePlan`. */
export function prune(model: Model, tree: BlockTree, plan: Plan): Model {
  const { rewires } = resolvePlan(tree, plan);
  const whole = withValues(model, rewires);
  return { ...whole, graph: removeDeadCode(rewire(whole.graph, rewires)) };
}
