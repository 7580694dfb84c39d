/**
 * The algebra of plans: what a plan is, what is gone under it, the plan after a click, and what surgery does for it.
 * Pure functions for page, worker and command line alike; as text plans are in `planText`, ready-made ones in `presets`.
 */
import { StudioError } from '../errors/StudioError';
import type { Block, BlockTree, Rewire } from './block';
import { unknownIdText } from './unknownId';

/**
 * The edit: ids of dropped blocks. Order has no meaning; a dropped parent drops its children. In a plan of a whole
 * pipeline, ids of another component than the denoiser begin with its name: 'decoder/up_blocks.2.resnets.1'.
 */
export interface Plan {
  readonly dropped: readonly string[];
}

export const NOTHING_DROPPED: Plan = { dropped: [] };

/** A part of the pipeline whose blocks can be dropped. */
export type ComponentId = 'denoiser' | 'decoder';

export const COMPONENTS: readonly ComponentId[] = ['denoiser', 'decoder'];

/** Of an id in a plan of the whole pipeline. */
export function componentOf(id: string): ComponentId {
  return id.startsWith('decoder/') ? 'decoder' : 'denoiser';
}

/** A component's own id as it stands in a plan of the whole pipeline. */
export function withComponent(component: ComponentId, id: string): string {
  return component === 'denoiser' ? id : `${component}/${id}`;
}

/** The part of a pipeline's plan that is one component's, in that component's own ids. */
export function planOfComponent(plan: Plan, component: ComponentId): Plan {
  const own = plan.dropped.filter((id) => componentOf(id) === component);
  return { dropped: component === 'denoiser' ? own : own.map((id) => id.slice(component.length + 1)) };
}

/** One plan of the whole pipeline out of its components' own; the inverse of `planOfComponent`. */
export function joinPlans(plans: Partial<Readonly<Record<ComponentId, Plan>>>): Plan {
  return {
    dropped: COMPONENTS.flatMap((component) =>
      (plans[component] ?? NOTHING_DROPPED).dropped.map((id) => withComponent(component, id)),
    ),
  };
}

const pipelineTrees = new WeakMap<BlockTree, WeakMap<BlockTree, BlockTree>>();

/**
 * The denoiser's blocks, then the decoder's under the ids that they have in a plan of the whole pipeline: everything
 * below works on such a tree. Totals and notes are the denoiser's. Computed once per pair of trees.
 */
export function pipelineTree(denoiser: BlockTree, decoder: BlockTree | undefined): BlockTree {
  if (!decoder) return denoiser;
  const known = pipelineTrees.get(denoiser) ?? new WeakMap<BlockTree, BlockTree>();
  pipelineTrees.set(denoiser, known);
  const found = known.get(decoder);
  if (found) return found;
  const named = (block: Block): Block => ({
    ...block,
    id: withComponent('decoder', block.id),
    children: block.children.map(named),
    ...(block.members ? { members: block.members.map((id) => withComponent('decoder', id)) } : {}),
    ...(block.inside === undefined ? {} : { inside: withComponent('decoder', block.inside) }),
  });
  const joined = {
    ...denoiser,
    blocks: [...denoiser.blocks, ...decoder.blocks.map(named)],
    groups: [...denoiser.groups, ...decoder.groups.map(named)],
    parts: [...partsOf(denoiser), ...partsOf(decoder).map(named)],
  };
  known.set(decoder, joined);
  return joined;
}

export interface BlockEntry {
  readonly block: Block;
  readonly parentId: string | null;
  /** Position in a walk of the tree, parents before children, then groups, parts of layers last. */
  readonly order: number;
  /** It lies inside a layer. */
  readonly isPart: boolean;
}

export type BlockIndex = ReadonlyMap<string, BlockEntry>;

const indexes = new WeakMap<BlockTree, BlockIndex>();

/** Every block and group of the tree by id; computed once per tree. */
export function indexBlocks(tree: BlockTree): BlockIndex {
  const known = indexes.get(tree);
  if (known) return known;
  const entries = new Map<string, BlockEntry>();
  const visit = (block: Block, parentId: string | null, isPart = false): void => {
    entries.set(block.id, { block, parentId, order: entries.size, isPart });
    for (const child of block.children) visit(child, block.id, isPart);
  };
  for (const block of tree.blocks) visit(block, null);
  for (const group of tree.groups) if (!entries.has(group.id)) visit(group, null);
  for (const part of partsOf(tree)) visit(part, part.inside ?? null, true);
  indexes.set(tree, entries);
  return entries;
}

/** What can go inside layers; see `BlockTree.parts`. */
export const partsOf = (tree: BlockTree): readonly Block[] => tree.parts ?? [];

/** Every block, group and part of the tree, in the order of `indexBlocks`. */
export function allBlocks(tree: BlockTree): readonly Block[] {
  return [...indexBlocks(tree).values()].map(({ block }) => block);
}

/** Leaf layers under a block, the block itself when it has none. */
export function leaves(block: Block): readonly Block[] {
  return block.children.length === 0 ? [block] : block.children.flatMap(leaves);
}

const partsByTree = new WeakMap<BlockTree, ReadonlyMap<string, readonly Block[]>>();

/** What lies in a block: its children and, of a layer, its parts. */
export function within(tree: BlockTree, block: Block): readonly Block[] {
  let parts = partsByTree.get(tree);
  if (!parts) {
    const found = new Map<string, Block[]>();
    for (const part of partsOf(tree)) found.set(part.inside ?? '', [...(found.get(part.inside ?? '') ?? []), part]);
    parts = found;
    partsByTree.set(tree, parts);
  }
  return [...block.children, ...(parts.get(block.id) ?? [])];
}

/** Ids that go with a block when it is dropped, itself included: its descendants and, for groups, its members'. */
export function familyOf(tree: BlockTree, block: Block): ReadonlySet<string> {
  const index = indexBlocks(tree);
  const family = new Set<string>();
  const add = (one: Block): void => {
    const { id, members = [] } = one;
    if (family.has(id)) return;
    family.add(id);
    within(tree, one).forEach(add);
    for (const member of members) {
      const entry = index.get(member);
      if (entry) add(entry.block);
    }
  };
  add(block);
  return family;
}

const goneByPlan = new WeakMap<Plan, WeakMap<BlockTree, ReadonlySet<string>>>();

/**
 * Ids of all blocks that a plan removes: dropped ones, their families, and parents and groups with nothing left.
 * Ids that the tree does not have count for nothing. Computed once per plan and tree.
 */
export function goneIds(tree: BlockTree, plan: Plan): ReadonlySet<string> {
  const byTree = goneByPlan.get(plan) ?? new WeakMap<BlockTree, ReadonlySet<string>>();
  goneByPlan.set(plan, byTree);
  const gone = byTree.get(tree) ?? findGone(tree, plan);
  byTree.set(tree, gone);
  return gone;
}

function findGone(tree: BlockTree, plan: Plan): ReadonlySet<string> {
  const index = indexBlocks(tree);
  const gone = new Set<string>();
  for (const id of plan.dropped) {
    const entry = index.get(id);
    if (entry) for (const member of familyOf(tree, entry.block)) gone.add(member);
  }
  const settle = (block: Block): boolean => {
    if (block.children.length > 0 && block.children.map(settle).every(Boolean)) gone.add(block.id);
    return gone.has(block.id);
  };
  tree.blocks.forEach(settle);
  for (const { id, members = [] } of tree.groups)
    if (members.length > 0 && members.every((member) => gone.has(member))) gone.add(id);
  for (const part of partsOf(tree)) settle(part);
  return gone;
}

export type BlockState = 'on' | 'off' | 'mixed';

export function blockState(tree: BlockTree, block: Block, gone: ReadonlySet<string>): BlockState {
  if (gone.has(block.id)) return 'off';
  const index = indexBlocks(tree);
  const parts = block.members ? block.members.flatMap((id) => index.get(id)?.block ?? []) : [block];
  const isCut = (one: Block): boolean => gone.has(one.id) || within(tree, one).some(isCut);
  return parts.some(isCut) ? 'mixed' : 'on';
}

/** Drops ids that another dropped id covers, unknown ones and what cannot go; sorts by the walk of the tree. */
export function normalisePlan(tree: BlockTree, dropped: Iterable<string>): Plan {
  const index = indexBlocks(tree);
  const entries = [...new Set(dropped)].flatMap((id) => index.get(id) ?? []).filter(({ block }) => block.droppable);
  const families = entries.map(({ block, order }) => ({ block, order, family: familyOf(tree, block) }));
  const covers = (larger: (typeof families)[number], { block, family }: (typeof families)[number]): boolean =>
    block.members
      ? larger.family.size > family.size && block.members.every((member) => larger.family.has(member))
      : larger.family.has(block.id);
  const kept = families.filter((one) => !families.some((other) => other !== one && covers(other, one)));
  return { dropped: kept.sort((a, b) => a.order - b.order).map(({ block }) => block.id) };
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
  const family = familyOf(tree, entry.block);
  const above = ancestors(index, id);
  let dropped = plan.dropped.filter((droppedId) => !family.has(droppedId));
  const droppedAncestor = above.findLast((ancestor) => dropped.includes(ancestor.id));
  if (droppedAncestor) {
    // The rest of the dropped ancestor stays off, as far as its parts can go one by one.
    const path = new Set([id, ...above.map((ancestor) => ancestor.id)]);
    const restOf = (block: Block): readonly string[] =>
      within(tree, block).flatMap((child) => {
        if (child.id === id) return [];
        return path.has(child.id) ? restOf(child) : [child.id];
      });
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

/** The plan after a click on a block or a group ("drop everything below"): on when it was gone, else off. */
export function toggleUnit(tree: BlockTree, plan: Plan, id: string): Plan {
  return setBlocks(tree, plan, [id], goneIds(tree, plan).has(id));
}

/** The same for every block of its rank from `fromId` to `id`: all get the state that `id` gets. */
export function toggleRange(tree: BlockTree, plan: Plan, fromId: string, id: string): Plan {
  return setBlocks(tree, plan, rangeBetween(tree, fromId, id), goneIds(tree, plan).has(id));
}

/** Both plans' blocks, each id once, in the order of the two. */
export function unitePlans(a: Plan, b: Plan): Plan {
  return { dropped: [...new Set([...a.dropped, ...b.dropped])] };
}

/** Equal for plans that name the same blocks. */
export function planKey({ dropped }: Plan): string {
  return JSON.stringify([...new Set(dropped)].sort());
}

export function samePlan(a: Plan, b: Plan): boolean {
  return a === b || planKey(a) === planKey(b);
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

export interface ResolvedPlan {
  /** One per exit, entries resolved through one another: no entry is itself an exit. */
  readonly rewires: readonly Rewire[];
  /** As `goneIds`, in the order of the tree. */
  readonly goneIds: readonly string[];
}

/** From the ids of a plan to what surgery does. Throws `blocks/unknown-id` and `blocks/not-droppable`. */
export function resolvePlan(tree: BlockTree, plan: Plan): ResolvedPlan {
  const index = indexBlocks(tree);
  const dropped = plan.dropped.map((id) => droppableBlock(tree, id));
  // The wider unit decides where a value is an exit of several: widest last, so that it wins.
  const widest = dropped.toSorted((a, b) => breadth(a) - breadth(b));
  const direct = new Map(widest.flatMap(({ rewires }) => rewires).map(({ exit, entry }) => [exit, entry]));
  const gone = goneIds(tree, plan);
  return {
    rewires: [...direct].map(([exit, entry]) => ({ exit, entry: follow(direct, entry) })),
    goneIds: [...index.keys()].filter((id) => gone.has(id)),
  };
}

/** Throws `blocks/unknown-id`. */
export function blockNamed(tree: BlockTree, id: string): Block {
  const entry = indexBlocks(tree).get(id);
  if (entry) return entry.block;
  throw new StudioError('blocks/unknown-id', unknownIdText(tree, id), { id });
}

function droppableBlock(tree: BlockTree, id: string): Block {
  const block = blockNamed(tree, id);
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

function follow(direct: ReadonlyMap<string, string>, value: string): string {
  let entry = value;
  for (let next = direct.get(entry); next !== undefined; next = direct.get(entry)) entry = next;
  return entry;
}
