/**
 * The one quantity that fills the cells: what a block has of it, next to the layer that has most of it. Costs come
 * from the tree, damage and measured time from an importance where there is one.
 */
import type { Block, BlockTree } from '../../blocks/block';
import { leaves } from '../../blocks/plan';
import { formatMacs, formatMs, formatParameters, formatPercent, formatTiny } from '../format';
import type { Importance } from '../store/importance';
import type { Quantity } from '../store/page';

export const quantityNames: Readonly<Record<Quantity, string>> = {
  parameters: 'Parameters',
  macs: 'MACs',
  time: 'Time saved',
  content: 'Damage to content',
  motion: 'Damage to motion',
};

/** Undefined where it was not measured. */
export function amountOf(block: Block, quantity: Quantity, importance: Importance | null): number | undefined {
  const measured = importance?.blocks[block.id];
  switch (quantity) {
    case 'parameters':
      return block.parameters;
    case 'macs':
      return block.macs;
    case 'time':
      return measured?.savedMs;
    case 'content':
      return measured?.content;
    case 'motion':
      return measured?.motion;
  }
}

export interface Fill {
  /** 0..1: next to the largest layer for layers, to the whole model for stages. */
  readonly share: number;
  readonly text: string;
}

export function fillOf(
  tree: BlockTree,
  block: Block,
  quantity: Quantity,
  importance: Importance | null,
  whole = false,
): Fill | null {
  const amount = amountOf(block, quantity, importance);
  if (amount === undefined) return null;
  const total = quantity === 'parameters' || quantity === 'macs' ? Math.max(1, tree.totals[quantity]) : null;
  const scale = whole && total !== null ? total : largest(tree, quantity, importance);
  return {
    share: Math.min(1, Math.max(0, amount / scale)),
    text: total === null ? formatAmount(amount, quantity) : formatPercent(amount / total),
  };
}

export function formatAmount(amount: number, quantity: Quantity): string {
  if (quantity === 'parameters') return formatParameters(amount);
  if (quantity === 'macs') return formatMacs(amount);
  return quantity === 'time' ? formatMs(amount) : formatTiny(amount);
}

const scales = new WeakMap<BlockTree, Map<string, number>>();

/** What the layer with most of it has: a full cell. */
export function largest(tree: BlockTree, quantity: Quantity, importance: Importance | null): number {
  const measured = quantity !== 'parameters' && quantity !== 'macs';
  const known = measured ? undefined : scales.get(tree)?.get(quantity);
  if (known !== undefined) return known;
  const amounts = tree.blocks.flatMap(leaves).map((leaf) => amountOf(leaf, quantity, importance) ?? 0);
  const scale = Math.max(Number.MIN_VALUE, ...amounts);
  if (!measured) scales.set(tree, (scales.get(tree) ?? new Map<string, number>()).set(quantity, scale));
  return scale;
}

/** The quantities that can be shown for this model now. */
export function quantitiesFor(
  importance: Importance | null,
  fingerprint: string | null | undefined,
): readonly Quantity[] {
  const costs: readonly Quantity[] = ['parameters', 'macs'];
  if (!importance || importance.fingerprint !== fingerprint) return costs;
  const measured = Object.values(importance.blocks);
  return [
    ...costs,
    ...(measured.some(({ savedMs }) => savedMs !== undefined) ? (['time'] as const) : []),
    ...(measured.some(({ content }) => content !== undefined) ? (['content'] as const) : []),
    ...(measured.some(({ motion }) => motion !== undefined) ? (['motion'] as const) : []),
  ];
}
