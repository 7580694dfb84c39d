/** All that the studio does with a file before anything runs: read, check, infer, discover, prune, gate, write. */
import type { Block } from '../../../blocks/block';
import { discoverBlocks } from '../../../blocks/discoverBlocks';
import { StudioError } from '../../../errors/StudioError';
import { gate } from '../../../passes/gate';
import { prune } from '../../../passes/prune';
import { checkModel } from '../../checkModel';
import { readModel } from '../../readModel';
import { inferShapes } from '../../shapes/inferShapes';
import { writeModel } from '../../writeModel';

/** `defect`: the text of what should not have happened. */
export type Outcome =
  | { readonly kind: 'fine' }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'defect'; readonly text: string };

/** Something read or made that is wrong. */
class Defect extends Error {}

/** Never rejects. A file may be refused with a StudioError; whatever is read must be written so that it reads the same. */
export const openFile = (bytes: Uint8Array): Promise<Outcome> => outcomeOf(() => open(bytes));

export async function outcomeOf(work: () => void | Promise<void>): Promise<Outcome> {
  try {
    await work();
    return { kind: 'fine' };
  } catch (thrown) {
    if (thrown instanceof StudioError && thrown.code !== 'internal') return { kind: 'refused', code: thrown.code };
    return { kind: 'defect', text: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) };
  }
}

function open(bytes: Uint8Array): void {
  const model = readModel(bytes);
  const written = writeModel(model);
  if (Buffer.compare(writeModel(readModel(written)), written) !== 0)
    throw new Defect('What was written reads as something else.');
  checkModel(model);
  inferShapes(model);
  const tree = discoverBlocks(model, { bindings: new Map([['frames', 4]]) });
  const blocks = [...tree.blocks, ...tree.groups].flatMap(below);
  const ids = new Set(blocks.map(({ id }) => id));
  if (ids.size !== blocks.length) throw new Defect('Two blocks share an id.');
  const droppable = blocks.filter((block) => block.droppable);
  if (droppable.length === 0) return;
  const pruned = prune(model, tree, { dropped: [droppable[droppable.length >> 1]!.id] });
  checkModel(pruned);
  writeModel(pruned);
  checkModel(gate(model, tree).model);
}

const below = (block: Block): Block[] => [block, ...block.children.flatMap(below)];
