/**
 * How a block tree is drawn: as a U (stages by level, deepest at the bottom) or, for models without one, as a
 * list. Pure; the drawing is in BlockMap.
 */

import type { Block, BlockTree } from '../../blocks/block';
import { indexBlocks, leaves } from '../../blocks/plan';
import { present } from '../../errors/present';

export interface Level {
  readonly level: number;
  readonly down: readonly Block[];
  /** Last run first, so that the two sides of a skip stand opposite each other. */
  readonly up: readonly Block[];
  /** Switches of everything from this level downwards. */
  readonly groups: readonly Block[];
}

export interface MapShape {
  readonly kind: 'u' | 'list';
  readonly inlet: readonly Block[];
  readonly outlet: readonly Block[];
  readonly levels: readonly Level[];
  readonly mid: readonly Block[];
  /** Groups that hold the mid section alone. */
  readonly midGroups: readonly Block[];
  readonly body: readonly Block[];
}

export function shapeOf(tree: BlockTree): MapShape {
  const of = (section: Block['section']) => tree.blocks.filter((block) => block.section === section);
  const [down, up, mid] = [of('down'), of('up'), of('mid')];
  const { before, body, after } = betweenEnds(of('body'));
  const levels = [...new Set([...down, ...up].map((block) => block.level))].sort((a, b) => a - b);
  const groupLevel = new Map(tree.groups.map((group) => [group, topLevel(tree, group)]));
  return {
    kind: levels.length > 0 ? 'u' : 'list',
    inlet: [...of('in'), ...before],
    outlet: [...after, ...of('out')],
    levels: levels.map((level) => ({
      level,
      down: down.filter((block) => block.level === level),
      up: up.filter((block) => block.level === level).reverse(),
      groups: tree.groups.filter((group) => groupLevel.get(group) === level),
    })),
    mid,
    midGroups: tree.groups.filter((group) => !levels.includes(present(groupLevel.get(group)))),
    body,
  };
}

/** A column's blocks without the single layers at its ends that have to stay: they are its input and output. */
function betweenEnds(all: readonly Block[]) {
  const isBlock = ({ children, droppable }: Block) => children.length > 0 || droppable;
  const [first, last] = [all.findIndex(isBlock), all.findLastIndex(isBlock)];
  if (first < 0) return { before: [], body: all, after: [] };
  return { before: all.slice(0, first), body: all.slice(first, last + 1), after: all.slice(last + 1) };
}

/** The highest resolution that a group removes: the smallest level among its stages; NaN for the mid alone. */
function topLevel(tree: BlockTree, group: Block): number {
  const index = indexBlocks(tree);
  const members = (group.members ?? []).flatMap((id) => index.get(id)?.block ?? []);
  const levels = members
    .filter((block) => (block.section === 'down' || block.section === 'up') && block.kind !== 'sampler')
    .map((block) => block.level);
  return levels.length > 0 ? Math.min(...levels) : Number.NaN;
}

/** The leaf layers below a block; none for a leaf. */
export const layersBelow = (block: Block): readonly Block[] => (block.children.length > 0 ? leaves(block) : []);

/** Neighbouring blocks of one module list (`transformer_blocks.0`, `transformer_blocks.1`, ...) together. */
export function seriesOf(
  blocks: readonly Block[],
): readonly { readonly name: string; readonly blocks: readonly Block[] }[] {
  const series: { name: string; blocks: Block[] }[] = [];
  for (const block of blocks) {
    const name = block.id.replace(/[._/]?\d+$/, '');
    const last = series.at(-1);
    if (last?.name === name) last.blocks.push(block);
    else series.push({ name, blocks: [block] });
  }
  return series;
}

export interface Row {
  /** The pair that the row is, or null for layers that stand alone in their stage. */
  readonly pair: Block | null;
  readonly layers: readonly Block[];
}

/** A stage as rows of layers, and its samplers apart. */
export function rowsOf(stage: Block): { readonly rows: readonly Row[]; readonly samplers: readonly Block[] } {
  const rows: Row[] = [];
  const samplers: Block[] = [];
  let loose: Block[] = [];
  const flush = () => {
    if (loose.length > 0) rows.push({ pair: null, layers: loose });
    loose = [];
  };
  for (const child of stage.children) {
    if (child.children.length > 0) {
      flush();
      rows.push({ pair: child, layers: leaves(child) });
    } else if (child.kind === 'sampler') samplers.push(child);
    else loose.push(child);
  }
  flush();
  return { rows, samplers };
}
