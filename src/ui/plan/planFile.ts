/** A plan file on the open model: ids that it does not have are reported, not guessed at. */
import type { BlockTree } from '../../blocks/block';
import { indexBlocks, normalisePlan, type Plan } from '../../blocks/plan';
import { readPlanFile } from '../../blocks/planText';
import { StudioError } from '../../errors/StudioError';

/** Throws `library/invalid-config` for text that is no plan, `blocks/unknown-id` when no id fits this model. */
export function readPlan(
  text: string,
  fileName: string,
  tree: BlockTree,
): { readonly plan: Plan; readonly unknownIds: readonly string[] } {
  const ids = readPlanFile(text, fileName).dropped;
  const index = indexBlocks(tree);
  const unknownIds = ids.filter((id) => !index.has(id));
  if (ids.length > 0 && unknownIds.length === ids.length) {
    throw new StudioError(
      'blocks/unknown-id',
      `None of the ${ids.length} blocks that ${fileName} names is in this model.`,
      { ids: unknownIds },
    );
  }
  return { plan: normalisePlan(tree, ids), unknownIds };
}

/** The student's name and whose weights it has, where a plan file says so. */
export function studentInPlanFile(text: string): { readonly name?: string; readonly weights?: string } {
  const { name, weights } = JSON.parse(text) as Partial<Record<'name' | 'weights', unknown>>;
  return {
    ...(typeof name === 'string' && name.trim() !== '' ? { name: name.trim().slice(0, 80) } : {}),
    ...(typeof weights === 'string' ? { weights } : {}),
  };
}
