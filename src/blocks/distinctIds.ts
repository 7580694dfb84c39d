/**
 * No two blocks under one id, whatever a graph calls its nodes: the first in the order of the tree keeps it, later ones
 * get `#2`, `#3`, which no module has. Only the ids change; what reasons say of others stays.
 */
import type { Block } from './block';

export function distinctIds(blocks: readonly Block[]): readonly Block[] {
  const counts = new Map<string, number>();
  const given = new Set<string>();
  const idsOf = (block: Block): readonly string[] => [block.id, ...block.children.flatMap(idsOf)];
  const original = new Set(blocks.flatMap(idsOf));
  const distinct = (id: string): string => {
    if (!given.has(id)) return id;
    let count = counts.get(id) ?? 1;
    let found = id;
    while (given.has(found) || original.has(found)) found = `${id}#${++count}`;
    counts.set(id, count);
    return found;
  };
  const renamed = (block: Block): Block => {
    const id = distinct(block.id);
    given.add(id);
    const children = block.children.map(renamed);
    return id === block.id && children.every((child, i) => child === block.children[i])
      ? block
      : { ...block, id, children };
  };
  return blocks.map(renamed);
}
