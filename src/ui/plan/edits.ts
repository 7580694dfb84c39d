/**
 * The algebra of plans on a block tree: what is gone under a plan, and the plan after a click. Pure functions;
 * they keep plans legal (only droppable ids) but decide nothing about the graph, which is the engine's business.
 */
import type { Block, BlockTree, Plan } from '../../blocks/block';

export interface BlockEntry {
  readonly block: Block;
  readonly parentId: string | null;
  /** Position in a walk of the tree, parents before children, groups last. */
  readonly order: number;
}

export type BlockIndex = ReadonlyMap<string, BlockEntry>;

const indexes = new WeakMap<BlockTree, BlockIndex>();

/** Every block and group of the tree by id; computed once per tree. */
export function indexBlocks(tree: BlockTree): BlockIndex {
  const known = indexes.get(tree);
  if (known) return known;
  const entries = new Map<string, BlockEntry>();
  const visit = (block: Block, parentId: string | null): void => {
    entries.set(block.id, { block, parentId, order: entries.size });
    for (const child of block.children) visit(child, block.id);
  };
  for (const block of tree.blocks) visit(block, null);
  for (const group of tree.groups) if (!entries.has(group.id)) visit(group, null);
  indexes.set(tree, entries);
  return entries;
}

/** Leaf layers under a block, the block itself when it has none. */
export function leaves(block: Block): readonly Block[] {
  return block.children.length === 0 ? [block] : block.children.flatMap(leaves);
}

function addWithDescendants(block: Block, into: Set<string>): void {
  into.add(block.id);
  for (const child of block.children) addWithDescendants(child, into);
}

const goneByPlan = new WeakMap<Plan, { readonly tree: BlockTree; readonly gone: ReadonlySet<string> }>();

/** Ids of all blocks that a plan removes: dropped ones, their descendants, and parents with nothing left. */
export function goneIds(tree: BlockTree, plan: Plan): ReadonlySet<string> {
  const known = goneByPlan.get(plan);
  if (known?.tree === tree) return known.gone;
  const gone = findGone(tree, plan);
  goneByPlan.set(plan, { tree, gone });
  return gone;
}

function findGone(tree: BlockTree, plan: Plan): ReadonlySet<string> {
  const index = indexBlocks(tree);
  const gone = new Set<string>();
  for (const id of plan.dropped) {
    const entry = index.get(id);
    if (!entry) continue;
    familyOf(index, entry.block).forEach((member) => gone.add(member));
  }
  const closeUpwards = (block: Block): void => {
    block.children.forEach(closeUpwards);
    if (block.children.length > 0 && block.children.every((child) => gone.has(child.id))) gone.add(block.id);
  };
  tree.blocks.forEach(closeUpwards);
  for (const group of tree.groups) {
    if ((group.members?.length ?? 0) > 0 && group.members!.every((id) => gone.has(id))) gone.add(group.id);
  }
  return gone;
}

export type BlockState = 'on' | 'off' | 'mixed';

export function blockState(tree: BlockTree, block: Block, gone: ReadonlySet<string>): BlockState {
  if (gone.has(block.id)) return 'off';
  const index = indexBlocks(tree);
  const parts = block.members ? block.members.flatMap((id) => index.get(id)?.block ?? []) : [block];
  return parts.flatMap(leaves).some((leaf) => gone.has(leaf.id)) ? 'mixed' : 'on';
}

/** Ids that go with a block when it is dropped, itself included: its descendants and, for groups, its members'. */
function familyOf(index: BlockIndex, block: Block): ReadonlySet<string> {
  const family = new Set<string>();
  addWithDescendants(block, family);
  for (const memberId of block.members ?? []) {
    const member = index.get(memberId);
    if (member) addWithDescendants(member.block, family);
  }
  return family;
}

/** Drops ids that another dropped id covers and unknown ones; sorts by the walk of the tree. */
export function normalisePlan(tree: BlockTree, dropped: Iterable<string>): Plan {
  const index = indexBlocks(tree);
  const ids = [...new Set(dropped)].filter((id) => index.get(id)?.block.droppable === true);
  const families = new Map(ids.map((id) => [id, familyOf(index, index.get(id)!.block)]));
  const covers = (larger: string, id: string): boolean => {
    const { members } = index.get(id)!.block;
    const family = families.get(larger)!;
    if (!members) return family.has(id);
    return family.size > families.get(id)!.size && members.every((member) => family.has(member));
  };
  const kept = ids.filter((id) => !ids.some((other) => other !== id && covers(other, id)));
  return { dropped: kept.sort((a, b) => index.get(a)!.order - index.get(b)!.order) };
}

function ancestors(index: BlockIndex, id: string): readonly Block[] {
  const entry = index.get(id);
  const parent = entry?.parentId ? index.get(entry.parentId) : undefined;
  return parent ? [parent.block, ...ancestors(index, parent.block.id)] : [];
}

function turnOn(tree: BlockTree, plan: Plan, id: string): Plan {
  const index = indexBlocks(tree);
  const entry = index.get(id);
  if (!entry) return plan;
  const family = familyOf(index, entry.block);
  const above = ancestors(index, id);
  let dropped = plan.dropped.filter((droppedId) => !family.has(droppedId));
  const droppedAncestor = above.findLast((ancestor) => dropped.includes(ancestor.id));
  if (droppedAncestor) {
    // The rest of the dropped ancestor stays off, as far as its parts can go one by one.
    const path = new Set([id, ...above.map((ancestor) => ancestor.id)]);
    const restOf = (block: Block): readonly string[] =>
      block.children.flatMap((child) => (child.id === id ? [] : path.has(child.id) ? restOf(child) : [child.id]));
    dropped = [...dropped.filter((droppedId) => !path.has(droppedId)), ...restOf(droppedAncestor)];
  }
  const lineage = new Set([...family, ...above.map((ancestor) => ancestor.id)]);
  const inDroppedGroup = (droppedId: string) =>
    index.get(droppedId)?.block.members?.some((member) => lineage.has(member)) === true;
  return normalisePlan(
    tree,
    dropped.filter((droppedId) => !inDroppedGroup(droppedId)),
  );
}

/** Switches blocks on or off; what cannot be dropped stays as it is. */
export function setBlocks(tree: BlockTree, plan: Plan, ids: readonly string[], on: boolean): Plan {
  if (!on) return normalisePlan(tree, [...plan.dropped, ...ids]);
  return ids.reduce((current, id) => turnOn(tree, current, id), normalisePlan(tree, plan.dropped));
}

export function samePlan(a: Plan, b: Plan): boolean {
  return a.dropped.length === b.dropped.length && a.dropped.every((id) => b.dropped.includes(id));
}

/** Two plans that remove the same blocks, whatever they name. */
export function sameCut(tree: BlockTree, a: Plan, b: Plan): boolean {
  const [goneA, goneB] = [goneIds(tree, a), goneIds(tree, b)];
  return goneA.size === goneB.size && [...goneA].every((id) => goneB.has(id));
}

/** Ids of the blocks from `fromId` to `toId` in execution order, of the same rank (layer, pair, stage) as `toId`. */
export function rangeBetween(tree: BlockTree, fromId: string, toId: string): readonly string[] {
  const index = indexBlocks(tree);
  const from = index.get(fromId);
  const to = index.get(toId);
  if (!from || !to || to.block.members) return [toId];
  const rank = ancestors(index, toId).length;
  const isLeaf = to.block.children.length === 0;
  const [low, high] = [Math.min(from.order, to.order), Math.max(from.order, to.order)];
  const within = [...index.values()].filter(
    ({ block, order }) =>
      order >= low &&
      order <= high &&
      !block.members &&
      (isLeaf ? block.children.length === 0 : block.children.length > 0 && ancestors(index, block.id).length === rank),
  );
  return within.map(({ block }) => block.id);
}
