/** Which layers the search or a click on a kind marks. */

import { useMemo } from 'react';
import type { BlockKind, BlockTree } from '../../blocks/block';
import { indexBlocks } from '../../blocks/plan';
import { present } from '../../errors/present';
import { useShownTree, useTree } from '../store/mapped';
import { usePage } from '../store/page';

import { layersNamed } from './names';

/** Ids of the marked layers; null when nothing is looked for. */
export function markedLayers(tree: BlockTree, search: string, kind: BlockKind | null): readonly string[] | null {
  if (search.trim() === '' && kind === null) return null;
  const index = indexBlocks(tree);
  const found = search.trim() === '' ? [...index.keys()] : layersNamed(tree, search);
  return found.filter((id) => {
    const { block, isPart } = present(index.get(id));
    if (isPart && search.trim() === '') return false; // a kind marks layers
    return block.children.length === 0 && !block.members && (kind === null || block.kind === kind);
  });
}

/** The marked layers of the open model. */
export function useMarkedLayers(): readonly string[] | null {
  const tree = useShownTree();
  const { search, markedKind } = usePage();
  return useMemo(() => (tree ? markedLayers(tree, search, markedKind) : null), [tree, search, markedKind]);
}

/** The cell that shows something inside a layer is the layer's. */
function layersAround(tree: BlockTree, id: string): readonly string[] {
  const entry = indexBlocks(tree).get(id);
  if (!entry?.isPart || entry.parentId === null) return [];
  return [entry.parentId, ...layersAround(tree, entry.parentId)];
}

const lastSets = new WeakMap<BlockTree, { readonly key: string; readonly ids: ReadonlySet<string> | null }>();

/** 'yes' or 'no' while something is looked for, else null. */
export function useMarked(id: string): 'yes' | 'no' | null {
  const tree = useTree();
  return usePage(({ search, markedKind }) => {
    const key = `${markedKind ?? ''}|${search}`;
    let last = lastSets.get(tree);
    if (last?.key !== key) {
      const marked = markedLayers(tree, search, markedKind);
      last = { key, ids: marked && new Set(marked.flatMap((one) => [one, ...layersAround(tree, one)])) };
      lastSets.set(tree, last);
    }
    return last.ids === null ? null : last.ids.has(id) ? 'yes' : 'no';
  });
}
