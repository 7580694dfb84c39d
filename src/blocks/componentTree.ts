/** One component's blocks under the ids that they have in a plan of the whole pipeline: what a map of it shows. */
import type { BlockTree } from './block';
import { type ComponentId, componentOf, partsOf, pipelineTree } from './plan';

const known = new WeakMap<BlockTree, BlockTree>();

/** The denoiser's tree is its own; the decoder's has 'decoder/' before every id, and its own totals and notes. Made once per pair of trees. */
export function componentTree(denoiser: BlockTree, decoder: BlockTree | undefined, id: ComponentId): BlockTree {
  if (id === 'denoiser' || !decoder) return denoiser;
  const joined = pipelineTree(denoiser, decoder);
  const found = known.get(joined);
  if (found) return found;
  const own = {
    ...decoder,
    blocks: joined.blocks.filter((block) => componentOf(block.id) === id),
    groups: joined.groups.filter((block) => componentOf(block.id) === id),
    parts: partsOf(joined).filter((block) => componentOf(block.id) === id),
  };
  known.set(joined, own);
  return own;
}
