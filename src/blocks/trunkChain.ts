/**
 * The hidden state's way through a network, from the latent to the output: atoms passed along their skipping operand,
 * other nodes along their deepest operand. On it, joins of skips cut a U-Net into the runs of layers it is made of.
 */
import { present } from '../errors/present';
import type { AtomTree } from './atomTree';
import { hiddenOperand, isTrunkJoin, trunkOperands } from './findAtoms';
import type { Flow } from './flow';
import { viewed } from './flow';

export interface ChainItem {
  /** What the hidden state is after this item. */
  readonly value: number;
  /** An atom that is passed as a whole, or else a single node. */
  readonly tree?: AtomTree;
}

/** Where a skip meets the hidden state. */
export interface SkipJoin {
  /** Place in the chain of the item that starts after the join. */
  readonly at: number;
  /** Hidden operand of the Concat. */
  readonly hidden: number;
  /** The other operand, and the place in the chain where it comes from. */
  readonly skip: number;
  readonly from: number;
}

export interface TrunkChain {
  readonly items: readonly ChainItem[];
  readonly joins: readonly SkipJoin[];
}

export function trunkChain(flow: Flow, trees: readonly AtomTree[]): TrunkChain {
  const byExit = new Map(trees.map((tree) => [tree.atom.exit, tree]));
  const items: ChainItem[] = [];
  const concats: number[] = []; // aligned with items: the Concat node met at the item's start, or -1
  for (let value = deepestOutput(flow); value !== undefined; ) {
    const tree = byExit.get(value);
    const node = present(flow.producer[value]);
    if (!tree && node < 0) break;
    const join = tree ? (tree.atom.join ?? -1) : isTrunkJoin(flow, node) ? node : -1;
    items.push(tree ? { value, tree } : { value });
    concats.push(join);
    const next: number | undefined =
      join >= 0 ? hiddenOperand(flow, join) : tree ? tree.atom.entry : deepest(flow, node);
    value = next as number;
  }
  items.reverse();
  concats.reverse();
  return { items, joins: skipJoins(flow, items, concats) };
}

function deepestOutput(flow: Flow): number | undefined {
  const outputs = flow.graph.outputs
    .map(({ name }) => present(flow.ids.get(name)))
    .filter((value) => flow.trunk[value]);
  return outputs.length === 0
    ? undefined
    : outputs.reduce((a, b) => (present(flow.depth[b]) > present(flow.depth[a]) ? b : a));
}

function deepest(flow: Flow, node: number): number | undefined {
  const operands = trunkOperands(flow, node);
  return operands.length === 0
    ? undefined
    : operands.reduce((a, b) => (present(flow.depth[b]) > present(flow.depth[a]) ? b : a));
}

/** Joins of two operands, one of which comes from earlier in the chain (or is the hidden state itself). */
function skipJoins(flow: Flow, items: readonly ChainItem[], concats: readonly number[]): readonly SkipJoin[] {
  const places = new Map(items.map(({ value }, at) => [value, at]));
  return concats.flatMap((concat, at) => {
    if (concat < 0) return [];
    const hidden = hiddenOperand(flow, concat);
    const [skip = hidden, ...more] = trunkOperands(flow, concat).filter((value) => value !== hidden);
    const from = more.length === 0 ? placeOf(flow, places, skip) : undefined;
    return from === undefined || from >= at ? [] : [{ at, hidden, skip, from }];
  });
}

function placeOf(flow: Flow, places: ReadonlyMap<number, number>, value: number): number | undefined {
  for (let current = value; current >= 0; current = viewed(flow, current)) {
    const place = places.get(current);
    if (place !== undefined) return place;
  }
  return undefined;
}
