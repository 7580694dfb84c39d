/**
 * The model's blocks as an SVG that needs nothing else: stages as rows, their layers as cells; a U-Net with its two
 * sides opposite each other, other models from top to bottom. What a plan drops is hollow and crossed out.
 */
import type { Block, BlockKind, BlockTree } from '../blocks/block';
import { leaves } from '../blocks/plan';
import { html, type Markup } from './markup';

const CELL = 22;
const GAP = 4;
const LABEL = 150;
/** Cells in a line before it breaks. */
const LONGEST = 14;

const letters: Readonly<Partial<Record<BlockKind, string>>> = {
  resnet: 'R',
  spatial: 'S',
  temporal: 'T',
  'temporal-conv': 'C',
  attention: 'A',
  'feed-forward': 'F',
  sampler: '↕',
};

const kindNames: Readonly<Partial<Record<BlockKind, string>>> = {
  resnet: 'ResNet',
  spatial: 'spatial attention',
  temporal: 'temporal attention',
  'temporal-conv': 'temporal convolution',
  attention: 'attention',
  'feed-forward': 'feed-forward',
  sampler: 'down- or upsampler',
};

/** What the letters of this model's cells mean. */
export function mapLegend(tree: BlockTree): string {
  const kinds = new Set(tree.blocks.flatMap(leaves).map(({ kind }) => kind));
  const known = [...kinds].filter((kind) => letters[kind] !== undefined);
  return [...known.map((kind) => `${letters[kind]} ${kindNames[kind]}`), '✕ dropped'].join(' · ');
}

interface Row {
  readonly left?: Block;
  readonly right?: Block;
}

/** `gone`: ids of everything that is gone under the plan. */
export function mapDrawing(tree: BlockTree, gone: ReadonlySet<string>, name: string): Markup {
  const rows = rowsOf(tree);
  const isU = rows.some(({ right }) => right !== undefined);
  const sideWidth = LABEL + LONGEST * (CELL + GAP);
  const width = isU ? 2 * sideWidth + 20 : sideWidth;
  const drawn: Markup[] = [];
  let y = 0;
  for (const { left, right } of rows) {
    const heights = [left, right].map((block) => (block ? heightOf(block) : 0));
    if (left) drawn.push(stage(left, 0, y, gone));
    if (right) drawn.push(stage(right, sideWidth + 20, y, gone));
    y += Math.max(...heights) + GAP;
  }
  const layers = tree.blocks.flatMap(leaves);
  const off = layers.filter(({ id }) => gone.has(id)).length;
  const about = `Blocks of ${name}: ${off} of ${layers.length} layers are dropped`;
  return html`<svg class="map" viewBox="0 0 ${width} ${y}" role="img" aria-label="${about}">${drawn}</svg>`;
}

/** Down and up stages of one level beside each other; everything else in a row of its own, in order. */
function rowsOf({ blocks }: BlockTree): readonly Row[] {
  const of = (section: Block['section']) => blocks.filter((block) => block.section === section);
  const [down, up] = [of('down'), of('up')];
  const levels = [...new Set([...down, ...up].map(({ level }) => level))].sort((a, b) => a - b);
  const sides = levels.flatMap((level) => {
    const lefts = down.filter((block) => block.level === level);
    const rights = up.filter((block) => block.level === level).reverse();
    return Array.from({ length: Math.max(lefts.length, rights.length) }, (_, i) => row(lefts[i], rights[i]));
  });
  const alone = (section: Block['section']) => of(section).map((block) => row(block));
  const [inlet, outlet] = [of('in'), of('out')];
  const ends =
    sides.length === 0
      ? [...alone('in')]
      : Array.from({ length: Math.max(inlet.length, outlet.length) }, (_, i) => row(inlet[i], outlet[i]));
  return [...ends, ...sides, ...alone('mid'), ...alone('body'), ...(sides.length === 0 ? alone('out') : [])];
}

const row = (left?: Block, right?: Block): Row => ({ ...(left ? { left } : {}), ...(right ? { right } : {}) });

const linesOf = (block: Block): number => Math.ceil(leaves(block).length / LONGEST);
const heightOf = (block: Block): number => linesOf(block) * (CELL + GAP) - GAP;

function stage(block: Block, x: number, y: number, gone: ReadonlySet<string>): Markup {
  const layers = leaves(block);
  const cells = layers.map((leaf, i) =>
    cell(leaf, x + LABEL + (i % LONGEST) * (CELL + GAP), y + Math.floor(i / LONGEST) * (CELL + GAP), gone.has(leaf.id)),
  );
  const off = layers.every(({ id }) => gone.has(id)) ? 'off' : 'on';
  const label = block.id.length > 22 ? `${block.id.slice(0, 21)}…` : block.id;
  return html`<text class="stage ${off}" x="${x}" y="${y + CELL / 2 + 4}">${label}</text>${cells}`;
}

function cell(leaf: Block, x: number, y: number, off: boolean): Markup {
  const title = `${leaf.id}, ${leaf.kind}${off ? ', dropped' : ''}`;
  const size = CELL;
  const cross = off
    ? html`<path d="M${x + 4} ${y + 4}l${size - 8} ${size - 8}m0 ${8 - size}l${8 - size} ${size - 8}"/>`
    : '';
  const letter = html`<text x="${x + size / 2}" y="${y + size / 2 + 4}">${letters[leaf.kind] ?? ''}</text>`;
  return html`<g class="cell ${off ? 'off' : 'on'}"><title>${title}</title><rect x="${x}" y="${y}" width="${size}" height="${size}" rx="3"/>${off ? cross : letter}</g>`;
}
