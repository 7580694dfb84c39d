/**
 * The graph on which a set of rewires can be done: the model's own where it has all the values; else with functions
 * inlined and fused residual additions spelt out, no more of them than needed.
 */
import type { Rewire } from '../blocks/block';
import { expandFused } from '../blocks/expandFused';
import { allNames } from '../onnx/graph';
import { inlineFunctions } from '../onnx/inlineFunctions';
import type { Model } from '../onnx/model';

export function withValues(model: Model, rewires: readonly Rewire[]): Model {
  const wanted = new Set(rewires.flatMap(({ exit, entry }) => [exit, entry]));
  const present = allNames(model.graph);
  if ([...wanted].every((name) => present.has(name))) return model;
  const flat = inlineFunctions(model);
  const graph = expandFused(flat.graph, { only: wanted });
  return { ...flat, graph };
}
