/** What the map shows: the open model, or, while nothing is open yet, the one whose graph has just been read. */

import type { BlockTree } from '../../blocks/block';
import { componentTree } from '../../blocks/componentTree';
import { type ComponentId, pipelineTree } from '../../blocks/plan';
import { present } from '../../errors/present';
import type { OpenedPipeline } from '../../worker/protocol';
import { usePage } from './page';
import { type StudioState, useStudio } from './state';

export type Mapped = Pick<OpenedPipeline, 'description' | 'presets' | 'tree' | 'decoder'>;

export function mappedOf({ open, opening }: StudioState): Mapped | null {
  return open ?? opening?.mapped ?? null;
}

/** Every component's blocks under the ids of plans: what edits of a plan are made on. */
export const planTreeOf = ({ tree, decoder }: Pick<Mapped, 'tree' | 'decoder'>): BlockTree =>
  pipelineTree(tree, decoder?.tree);

/** The component that the map shows: the one chosen, where the model has it. */
export function useComponent(): ComponentId {
  const wanted = usePage((state) => state.component);
  const hasDecoder = useStudio((state) => mappedOf(state)?.decoder !== undefined);
  return hasDecoder ? wanted : 'denoiser';
}

/** The blocks of the component that the map shows; null before there are any. */
export function useShownTree(): BlockTree | null {
  const id = useComponent();
  return useStudio((state) => {
    const mapped = mappedOf(state);
    return mapped && componentTree(mapped.tree, mapped.decoder?.tree, id);
  });
}

/** The same, for parts that are drawn once there is a map. */
export function useTree(): BlockTree {
  return present(useShownTree());
}
