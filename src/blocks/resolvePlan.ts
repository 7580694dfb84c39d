/** From the ids of a plan to what surgery does: which values replace which, and what is gone. */
import { StudioError } from '../errors/StudioError';
import type { Block, BlockTree, Plan, Rewire } from './block';

export interface ResolvedPlan {
  /** One per exit, entries resolved through one another: no entry is itself an exit. */
  readonly rewires: readonly Rewire[];
  /** Every block without effect under the plan: the dropped ones, their children, members of dropped groups, parents all of whose children are gone. */
  readonly goneIds: readonly string[];
}

/** Throws `blocks/unknown-id` and `blocks/not-droppable`. */
export function resolvePlan(tree: BlockTree, plan: Plan): ResolvedPlan {
  const index = blockIndex(tree);
  const dropped = plan.dropped.map((id) => droppableBlock(index, id));
  // The wider unit decides where a value is an exit of several: widest last, so that it wins.
  const widest = dropped.toSorted((a, b) => breadth(a) - breadth(b));
  const direct = new Map(widest.flatMap(({ rewires }) => rewires).map(({ exit, entry }) => [exit, entry]));
  const rewires = [...direct.keys()].map((exit) => ({ exit, entry: follow(direct, exit) }));
  return { rewires, goneIds: goneBlocks(tree, index, dropped) };
}

/** All blocks of a tree by id, groups included. */
export function blockIndex(tree: BlockTree): ReadonlyMap<string, Block> {
  const index = new Map<string, Block>();
  const add = (block: Block): void => {
    index.set(block.id, block);
    block.children.forEach(add);
  };
  tree.blocks.forEach(add);
  tree.groups.forEach(add);
  return index;
}

function droppableBlock(index: ReadonlyMap<string, Block>, id: string): Block {
  const block = index.get(id);
  if (!block)
    throw new StudioError('blocks/unknown-id', `This model has no block named ${id}. "blocks MODEL.onnx" lists them.`, {
      id,
    });
  if (!block.droppable)
    throw new StudioError('blocks/not-droppable', `${id} cannot be dropped. ${block.reason ?? ''}`.trim(), {
      id,
      reason: block.reason ?? '',
    });
  return block;
}

function breadth(block: Block): number {
  return block.kind === 'inner-stages' ? Infinity : block.children.reduce((sum, child) => sum + breadth(child), 1);
}

function follow(direct: ReadonlyMap<string, string>, exit: string): string {
  let value = exit;
  while (direct.has(value)) value = direct.get(value)!;
  return value;
}

function goneBlocks(tree: BlockTree, index: ReadonlyMap<string, Block>, dropped: readonly Block[]): readonly string[] {
  const gone = new Set<string>();
  const bury = (block: Block): void => {
    gone.add(block.id);
    block.children.forEach(bury);
    for (const id of block.members ?? []) {
      const member = index.get(id);
      if (member) bury(member);
    }
  };
  dropped.forEach(bury);
  const settle = (block: Block): boolean => {
    if (block.children.length > 0 && block.children.map(settle).every(Boolean)) gone.add(block.id);
    return gone.has(block.id);
  };
  tree.blocks.forEach(settle);
  return [...index.keys()].filter((id) => gone.has(id));
}
