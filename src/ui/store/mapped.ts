/** What the map shows: the open model, or, while nothing is open yet, the one whose graph has just been read. */
import type { BlockTree } from '../../blocks/block';
import type { OpenedPipeline } from '../../worker/protocol';
import { type StudioState, useStudio } from './state';

export type Mapped = Pick<OpenedPipeline, 'description' | 'presets' | 'tree'>;

export function mappedOf({ open, opening }: StudioState): Mapped | null {
  return open ?? opening?.mapped ?? null;
}

/** The tree of the map; only for parts that are drawn once there is one. */
export function useTree(): BlockTree {
  return useStudio((state) => mappedOf(state)!.tree);
}
