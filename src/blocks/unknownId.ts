/**
 * What is said of an id that names no block: where it lies, and what can be dropped instead. Modules inside a block have no id
 * where no skip connection ends with them (BERT's `attention.self`, whose result `attention.output` multiplies first); a list
 * of blocks has none where it is no more than its members.
 */
import type { Block, BlockTree } from './block';

/** Full sentences, for people. */
export function unknownIdText({ blocks, parts = [] }: Pick<BlockTree, 'blocks' | 'parts'>, id: string): string {
  const all = [...blocks, ...parts].flatMap(withChildren);
  const around = all.filter((block) => id.startsWith(`${block.id}.`)).at(-1);
  const alike = around && all.find((block) => isWrittenAs(block.id, id, around.id));
  if (alike)
    return `No block is named ${id}. An exporter may leave out a module that is not called itself: then ${alike.id} stands for this and for others that are written alike. ${standing(alike)}`;
  if (around)
    return `No block is named ${id}: parts of ${around.id} have names of their own only where a skip connection leads around just them. ${standing(around)}`;
  const droppable = outermost(all.filter((block) => block.droppable && block.id.startsWith(`${id}.`)));
  if (droppable.length > 0)
    return `No block is named ${id}, which is no more than its members. These can be dropped, together too: ${names(droppable)}.`;
  return `This model has no block named ${id}. "blocks MODEL.onnx" lists them.`;
}

/** `block.feed_forward` for `block.inner.feed_forward`: an exporter leaves out `inner` where that is not called itself. */
const isWrittenAs = (written: string, id: string, around: string): boolean =>
  written.startsWith(`${around}.`) && id.endsWith(written.slice(around.length));

const withChildren = (block: Block): readonly Block[] => [block, ...block.children.flatMap(withChildren)];

function standing({ id, droppable, reason, children }: Block): string {
  const inside = outermost(children.filter((child) => child.droppable));
  if (!droppable) return `${id} has to stay. ${reason ?? ''}`.trim();
  return inside.length > 0 ? `${id} can be dropped, and of it ${names(inside)}.` : `${id} can be dropped.`;
}

const names = (blocks: readonly Block[]): string => blocks.map(({ id }) => id).join(', ');

const outermost = (blocks: readonly Block[]): readonly Block[] =>
  blocks.filter(({ id }) => !blocks.some((other) => id.startsWith(`${other.id}.`)));
