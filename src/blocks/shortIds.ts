/**
 * A decoder's blocks without the module that all of them are in ('decoder.up_blocks.2' is 'up_blocks.2'), as they are
 * named in plans of a whole pipeline ('decoder/up_blocks.2'). Ids alone change: what dropping does stays as it was.
 */
import type { Block, BlockTree } from './block';
import { allBlocks, leaves, partsOf } from './plan';

/** The tree as it is where a short id would be another block's. */
export function withoutModule(tree: BlockTree, module: string): BlockTree {
  const prefix = `${module}.`;
  const short = (id: string): string => (id.startsWith(prefix) ? id.slice(prefix.length) : id);
  const ids = allBlocks(tree).map(({ id }) => short(id));
  if (new Set(ids).size < ids.length) return tree;
  const named = (block: Block): Block => {
    const children = block.children.map(named);
    return {
      ...block,
      id: short(block.id),
      children,
      ...(block.members ? { members: block.members.map(short) } : {}),
      ...(block.inside === undefined ? {} : { inside: short(block.inside) }),
      ...(block.reason === undefined ? {} : { reason: renamed(block, block.reason, short) }),
    };
  };
  return { ...tree, blocks: tree.blocks.map(named), groups: tree.groups.map(named), parts: partsOf(tree).map(named) };
}

/** A reason may name the layer that has to stay. */
function renamed(block: Block, reason: string, short: (id: string) => string): string {
  const inside = leaves(block).find(({ id }) => reason.includes(id));
  return inside ? reason.replace(inside.id, short(inside.id)) : reason;
}
