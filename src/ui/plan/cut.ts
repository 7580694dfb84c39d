/** What a plan takes away, in the words of the page: "29 layers in 5 groups", and a name for files. */
import type { Block, BlockTree } from '../../blocks/block';
import { goneIds, indexBlocks, leaves, type Plan, pipelineTree, sameCut } from '../../blocks/plan';
import type { OpenedPipeline } from '../../worker/protocol';
import { presetsOf, presetsOfComponent } from './presets';

/** Layers that are gone: leaves of the tree that hold or compute something. */
export function goneLayers(tree: BlockTree, plan: Plan): readonly Block[] {
  const gone = goneIds(tree, plan);
  return tree.blocks.flatMap(leaves).filter(({ id }) => gone.has(id));
}

/** "29 layers in 5 groups"; the groups are the entries of the plan that hold several layers. */
export function describeCut(tree: BlockTree, plan: Plan): string {
  const layers = goneLayers(tree, plan).length;
  const index = indexBlocks(tree);
  const groups = plan.dropped.filter((id) => {
    const block = index.get(id)?.block;
    return block !== undefined && (block.members !== undefined || block.children.length > 0);
  }).length;
  const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
  if (groups === 0) return counted(layers, 'layer');
  const loose = plan.dropped.length - groups;
  const together = counted(groups, 'group');
  return `${counted(layers, 'layer')} in ${together}${loose > 0 ? ` and ${counted(loose, 'single layer')}` : ''}`;
}

/** 'teacher', a preset's id, or 'without-29-layers'. */
export function cutName(
  open: Pick<OpenedPipeline, 'description' | 'presets' | 'tree' | 'decoder'>,
  plan: Plan,
): string {
  if (plan.dropped.length === 0) return 'teacher';
  const tree = pipelineTree(open.tree, open.decoder?.tree);
  const known = [...presetsOf(open), ...presetsOfComponent(open, 'decoder')];
  const preset = known.find((candidate) => sameCut(tree, candidate.plan, plan));
  if (preset) return preset.id;
  const layers = goneLayers(tree, plan).length;
  return `without-${layers}-layer${layers === 1 ? '' : 's'}`;
}
