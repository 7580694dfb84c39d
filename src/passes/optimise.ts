/**
 * The graph as the runtime gets it: `tidy` and `fuse` in one go, so that sizes are inferred once. It computes what the
 * model computes, to rounding; what is exported never passes through here.
 */
import type { BlockTree } from '../blocks/block';
import { inlineFunctions } from '../onnx/inlineFunctions';
import type { Model } from '../onnx/model';
import type { Fusion } from './fuse/fuse';
import { allFusions, fuseIn } from './fuse/fuse';
import type { GatedModel } from './gate';
import { gate } from './gate';
import { gateUnits } from './gateRegions';
import { withValues } from './surgeryGraph';
import type { BoundSizes } from './tidy/tidy';
import { edited, tidyIn, weightBudget } from './tidy/tidy';

/** `kept`: values that keep their meaning. Throws as shape inference. */
export function optimise(
  model: Model,
  sizes: BoundSizes,
  kept: Iterable<string> = [],
  fusions: ReadonlySet<Fusion> = allFusions,
): Model {
  const flat = inlineFunctions(model);
  const editor = edited(flat, sizes, kept, 'optimised');
  tidyIn(editor, new Set(['views']), weightBudget(flat));
  fuseIn(editor, fusions, sizes.batch);
  return editor.finish();
}

/** Gates around the blocks of `tree`, which must be that of `model`, in the optimised graph. Throws as shape inference. */
export function gateOptimised(
  model: Model,
  tree: BlockTree,
  sizes: BoundSizes,
  fusions: ReadonlySet<Fusion> = allFusions,
): GatedModel {
  return gate(optimiseAround(model, tree, sizes, fusions), tree);
}

/** The optimised graph in which every block's entries and exits keep their meaning: what the gates go into. */
export function optimiseAround(
  model: Model,
  tree: BlockTree,
  sizes: BoundSizes,
  fusions: ReadonlySet<Fusion> = allFusions,
): Model {
  const rewires = gateUnits(tree).flatMap((unit) => unit.rewires);
  const kept = rewires.flatMap(({ exit, entry }) => [exit, entry]);
  return optimise(withValues(model, rewires), sizes, kept, fusions);
}
