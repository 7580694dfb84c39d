/** Which of a student's weights are trained: all, those near the cuts, or those whose names match. */
import type { Block, BlockTree } from '../../blocks/block';
import { type Plan, resolvePlan } from '../../blocks/plan';
import type { Model } from '../../onnx/model';
import { weightsOf } from '../../passes/differentiate/weights';
import { prune } from '../../passes/prune';
import type { Pipeline } from '../Pipeline';
import type { Edit } from '../Variant';
import type { HealSettings } from './healData';

/** Names of initializers. `low-rank` trains none of these (see `lowRank`). */
export function trainedWeights(
  { denoiser }: Pipeline,
  { plan, weights }: Edit,
  student: Model,
  { train = 'all' }: HealSettings,
): ReadonlySet<string> {
  const stored = denoiser.file.model.graph.initializers;
  const names = weightsOf(student).flatMap(({ name }) => (stored.has(name) ? [name] : []));
  if (train === 'all' || train === 'low-rank') return new Set(names);
  if (train === 'near') {
    const near = weightsNearCuts(denoiser.modelOf(weights), denoiser.tree, plan);
    return new Set(names.filter((name) => near.has(name)));
  }
  const pattern = new RegExp(train);
  return new Set(names.filter((name) => pattern.test(name)));
}

/** Of the units that stand right before and right after each cut: what only they use. */
export function weightsNearCuts(model: Model, tree: BlockTree, plan: Plan): ReadonlySet<string> {
  const left = new Set(weightsOf(prune(model, tree, plan)).map(({ name }) => name));
  const near = new Set<string>();
  for (const block of blocksNearCuts(tree, plan)) {
    const kept = block.droppable
      ? new Set(weightsOf(prune(model, tree, { dropped: [...plan.dropped, block.id] })).map(({ name }) => name))
      : undefined;
    for (const name of left) if (kept ? !kept.has(name) : name.startsWith(`${block.id}.`)) near.add(name);
  }
  return near;
}

/** Layers that are left, of the pair or transformer block before and after each run of dropped ones. */
export function blocksNearCuts(tree: BlockTree, plan: Plan): readonly Block[] {
  const gone = new Set(resolvePlan(tree, plan).goneIds);
  const layers = tree.blocks.flatMap((block) => layersOf(block)).toSorted((a, b) => a.layer.depth - b.layer.depth);
  const units = new Set<Block>();
  layers.forEach(({ layer, unit }, index) => {
    const beside = [layers[index - 1], layers[index + 1]].some((other) => other && gone.has(other.layer.id));
    if (!gone.has(layer.id) && beside) units.add(unit);
  });
  return layers.flatMap(({ layer, unit }) => (units.has(unit) && !gone.has(layer.id) ? [layer] : []));
}

function layersOf(block: Block, unit?: Block): { layer: Block; unit: Block }[] {
  const own = unit ?? (block.kind === 'pair' || block.kind === 'transformer' ? block : undefined);
  if (block.children.length === 0) return [{ layer: block, unit: own ?? block }];
  return block.children.flatMap((child) => layersOf(child, own));
}
