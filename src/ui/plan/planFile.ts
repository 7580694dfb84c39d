/**
 * Reading a plan from a JSON file: either this studio's own plan file (`{ dropped: [...] }`, other fields ignored)
 * or a bare list of ids. Ids that the open model does not have are reported, not guessed at.
 */
import type { BlockTree, Plan } from '../../blocks/block';
import { StudioError } from '../../errors/StudioError';
import { indexBlocks, normalisePlan } from './edits';

/** Throws `library/invalid-config` for text that is no plan, `blocks/unknown-id` when no id fits this model. */
export function readPlan(
  text: string,
  fileName: string,
  tree: BlockTree,
): { readonly plan: Plan; readonly unknownIds: readonly string[] } {
  const ids = droppedIds(text, fileName);
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

function droppedIds(text: string, fileName: string): readonly string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new StudioError('library/invalid-config', `${fileName} is not JSON.`, { file: fileName }, { cause });
  }
  const holder = parsed as { dropped?: unknown; plan?: { dropped?: unknown } } | null;
  const list = Array.isArray(parsed) ? parsed : (holder?.dropped ?? holder?.plan?.dropped);
  if (!Array.isArray(list) || !list.every((id): id is string => typeof id === 'string')) {
    throw new StudioError('library/invalid-config', `${fileName} has no list "dropped" of block ids.`, {
      file: fileName,
    });
  }
  return list;
}
