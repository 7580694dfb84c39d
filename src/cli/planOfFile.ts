/** A plan of a whole pipeline, as the page saves it and `blocks FOLDER` names its ids, for one of its files. */
import type { BlockTree } from '../blocks/block';
import { allBlocks, componentOf, type Plan, planOfComponent } from '../blocks/plan';
import { withoutModule } from '../blocks/shortIds';
import { StudioError } from '../errors/StudioError';
import type { LatentSize } from '../pipeline/PipelineDescription';
import { pipelineOfDecoder } from './decoderSizes';

export interface PlanOfFile {
  /** In the ids of the file's own blocks. */
  readonly plan: Plan;
  /** What is another file's. */
  readonly elsewhere: readonly string[];
}

/** A plan that names no decoder is the file's own, as it stands. Throws `cli/usage` where nothing of it is the file's. */
export async function planOfFile(path: string, plan: Plan, tree: BlockTree, size: LatentSize): Promise<PlanOfFile> {
  if (plan.dropped.every((id) => componentOf(id) === 'denoiser')) return { plan, elsewhere: [] };
  const own = (await pipelineOfDecoder(path, size)) ? 'decoder' : 'denoiser';
  const elsewhere = plan.dropped.filter((id) => componentOf(id) !== own);
  if (elsewhere.length === plan.dropped.length)
    throw new StudioError('cli/usage', `${path} is a ${own}, and the plan drops blocks of the other part alone.`, {
      path,
    });
  const { dropped } = planOfComponent(plan, own);
  return { plan: { dropped: own === 'decoder' ? dropped.map(longIds(tree)) : dropped }, elsewhere };
}

/** Under which id the decoder's file alone has a block. */
function longIds(tree: BlockTree): (id: string) => string {
  const own = allBlocks(tree);
  const long = new Map(allBlocks(withoutModule(tree, 'decoder')).map(({ id }, index) => [id, own[index]?.id ?? id]));
  return (id) => long.get(id) ?? id;
}
