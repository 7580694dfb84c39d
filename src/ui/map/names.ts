/**
 * What blocks are called: short on the cell ("Down 0"), whole and unlike any other for screen readers ("Down 0,
 * pair 1, spatial attention"). Names of places, not of modules; the module path is shown in the details.
 */

import type { Block, BlockKind, BlockTree } from '../../blocks/block';
import { indexBlocks, partsOf } from '../../blocks/plan';
import { present } from '../../errors/present';

export const kindNames: Readonly<Record<BlockKind, string>> = {
  stage: 'Stage',
  'inner-stages': 'Inner stages',
  pair: 'Pair',
  transformer: 'Transformer block',
  resnet: 'ResNet',
  spatial: 'Spatial attention',
  temporal: 'Temporal attention',
  'temporal-conv': 'Temporal convolution',
  attention: 'Attention',
  'feed-forward': 'Feed-forward',
  sampler: 'Sampler',
  layer: 'Layer',
};

export const kindLetters: Readonly<Record<BlockKind, string>> = {
  stage: '',
  'inner-stages': '',
  pair: 'P',
  transformer: 'B',
  resnet: 'R',
  spatial: 'S',
  temporal: 'T',
  'temporal-conv': 'C',
  attention: 'A',
  'feed-forward': 'F',
  sampler: '↕',
  layer: 'L',
};

/** "Down 0", "Mid", "Up 3" (stages in execution order on each side); other blocks by kind. */
export function shortName(tree: BlockTree, block: Block): string {
  if (block.kind === 'stage' || block.section === 'mid') {
    const sameSide = tree.blocks.filter((other) => other.section === block.section);
    const i = sameSide.indexOf(block);
    if (i >= 0 && block.section === 'down') return `Down ${i}`;
    if (i >= 0 && block.section === 'up') return `Up ${i}`;
    if (i >= 0 && block.section === 'mid') return sameSide.length > 1 ? `Mid ${i}` : 'Mid';
  }
  return kindNames[block.kind];
}

const known = new WeakMap<BlockTree, ReadonlyMap<string, string>>();

/** The whole name of every block and group by id; no two are equal. Computed once per tree. */
export function namesOf(tree: BlockTree): ReadonlyMap<string, string> {
  let names = known.get(tree);
  if (!names) {
    names = unlike(tree);
    known.set(tree, names);
  }
  return names;
}

function unlike(tree: BlockTree): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const visit = (block: Block, place: string): void => {
    names.set(block.id, place);
    let pair = 0;
    for (const child of block.children) {
      const own = child.kind === 'pair' ? `pair ${pair++}` : kindNames[child.kind].toLowerCase();
      visit(child, `${place}, ${own}`);
    }
  };
  for (const block of tree.blocks) visit(block, topName(tree, block));
  for (const group of tree.groups) names.set(group.id, `Everything below ${aboveGroup(tree, group)}`);
  for (const part of partsOf(tree))
    visit(part, `${names.get(part.inside ?? '') ?? ''}, ${kindNames[part.kind].toLowerCase()}`);
  const count = new Map<string, number>();
  for (const name of names.values()) count.set(name, (count.get(name) ?? 0) + 1);
  return new Map([...names].map(([id, name]) => [id, present(count.get(name)) > 1 ? `${name} (${id})` : name]));
}

function topName(tree: BlockTree, block: Block): string {
  const short = shortName(tree, block);
  return (block.kind === 'stage' && block.section !== 'body') || block.section === 'mid' ? short : block.id;
}

/** The deepest stage that a group leaves, as far as there is one. */
function aboveGroup(tree: BlockTree, group: Block): string {
  const members = new Set(group.members ?? []);
  const above = tree.blocks.filter((block) => block.section === 'down' && !members.has(block.id)).at(-1);
  return above ? shortName(tree, above) : 'this line';
}

/**
 * Layers whose name, kind or path has the words; none for no words. What lies inside layers is found by words of its
 * path that no layer has: 'attn2', '.ff'.
 */
export function layersNamed(tree: BlockTree, words: string): readonly string[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return [];
  const names = namesOf(tree);
  const matches = (text: string) => wanted.every((word) => text.toLowerCase().includes(word));
  const isLayer = (block: Block) => block.children.length === 0 && !block.members;
  const found = [...indexBlocks(tree).values()]
    .filter(({ block, isPart }) => isLayer(block) && !isPart)
    .filter(({ block }) => matches(`${names.get(block.id)} ${kindNames[block.kind]} ${block.id}`))
    .map(({ block }) => block.id);
  if (found.length > 0) return found;
  return [...indexBlocks(tree).values()]
    .filter(({ block, isPart }) => isPart && isLayer(block) && matches(block.id))
    .map(({ block }) => block.id);
}
