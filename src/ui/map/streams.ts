/**
 * Streams of a transformer's block, told by what its layers are called: layers of the text alone have "context",
 * "added" or "txt" in their names (diffusers' habit); an attention beside them joins both. Names only; a block whose
 * names say nothing counts as one stream.
 */
import type { Block } from '../../blocks/block';
import { layersBelow } from './shape';

export type Stream = 'both' | 'video' | 'text';

const textNames = /(context|txt|text|added|encoder)/i;

export function isTwoStream(block: Block): boolean {
  return layersBelow(block).some((layer) => isText(block, layer));
}

export function streamOf(block: Block, layer: Block): Stream {
  if (!isTwoStream(block)) return 'both';
  if (isText(block, layer)) return 'text';
  return layer.kind === 'feed-forward' ? 'video' : 'both';
}

function isText(block: Block, layer: Block): boolean {
  return textNames.test(layer.id.startsWith(block.id) ? layer.id.slice(block.id.length) : layer.id);
}
