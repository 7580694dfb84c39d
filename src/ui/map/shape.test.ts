import { describe, expect, it } from 'vitest';
import type { Block, BlockTree, Section } from '../../blocks/block';
import { layersNamed, namesOf, shortName } from './names';
import { rowsOf, seriesOf, shapeOf } from './shape';
import { streamOf } from './streams';

function block(id: string, section: Section, level: number, change: Partial<Block> = {}): Block {
  return {
    id,
    kind: 'stage',
    section,
    level,
    depth: 0,
    parameters: 1,
    bytes: 1,
    macs: 1,
    droppable: true,
    rewires: [],
    children: [],
    ...change,
  };
}

const totals = { nodes: 0, parameters: 0, bytes: 0, macs: 0 };
const treeOf = (blocks: readonly Block[], groups: readonly Block[] = []): BlockTree => ({
  latentInput: 'x',
  blocks,
  groups,
  notes: [],
  totals,
});

describe('shape of the map', () => {
  const unet = treeOf(
    [
      block('in', 'in', 0),
      block('d0', 'down', 0),
      block('d1', 'down', 1),
      block('m', 'mid', 1),
      block('u0', 'up', 1),
      block('u1', 'up', 0),
      block('o', 'out', 0),
    ],
    [
      block('g', 'mid', 1, { kind: 'inner-stages', members: ['d1', 'm', 'u0'] }),
      block('gm', 'mid', 1, { kind: 'inner-stages', members: ['m'] }),
    ],
  );

  it('puts the stages of one level opposite each other, deepest last', () => {
    const shape = shapeOf(unet);
    expect(shape.kind).toBe('u');
    expect(shape.levels.map(({ down, up }) => [down[0]!.id, up[0]!.id])).toEqual([
      ['d0', 'u1'],
      ['d1', 'u0'],
    ]);
    expect(shape.levels[1]!.groups.map(({ id }) => id)).toEqual(['g']);
    expect(shape.midGroups.map(({ id }) => id)).toEqual(['gm']);
  });

  it('names stages by side and number', () => {
    expect(unet.blocks.slice(1, 6).map((stage) => shortName(unet, stage))).toEqual([
      'Down 0',
      'Down 1',
      'Mid',
      'Up 0',
      'Up 1',
    ]);
  });

  it('gives every block a name of its own, by its place', () => {
    const layer = (id: string) => block(id, 'mid', 1, { kind: 'resnet' });
    const tree = treeOf(
      [
        block('d', 'down', 0, { children: [block('d.0', 'down', 0, { kind: 'pair', children: [layer('r')] })] }),
        block('m', 'mid', 1, { children: [layer('m.0'), layer('m.1')] }),
      ],
      [block('g', 'mid', 1, { kind: 'inner-stages', members: ['m'] })],
    );
    const names = namesOf(tree);
    expect(new Set(names.values()).size).toBe(names.size);
    expect(names.get('r')).toBe('Down 0, pair 0, resnet');
    expect(names.get('m.1')).toBe('Mid, resnet (m.1)');
    expect(names.get('g')).toBe('Everything below Down 0');
    expect(layersNamed(tree, 'MID resnet')).toEqual(['m.0', 'm.1']);
    expect(layersNamed(tree, '  ')).toEqual([]);
  });

  it('tells streams by names, one stream where they say nothing', () => {
    const layer = (id: string, kind: Block['kind']) => block(id, 'body', 0, { kind });
    const two = block('b.0', 'body', 0, {
      children: [
        layer('b.0.attn', 'attention'),
        layer('b.0.ff', 'feed-forward'),
        layer('b.0.ff_context', 'feed-forward'),
      ],
    });
    expect(two.children.map((child) => streamOf(two, child))).toEqual(['both', 'video', 'text']);
    const one = block('context.0', 'body', 0, { children: [layer('context.0.attn', 'attention')] });
    expect(one.children.map((child) => streamOf(one, child))).toEqual(['both']);
  });

  it('lists the blocks of a transformer', () => {
    const shape = shapeOf(treeOf([block('b0', 'body', 0), block('b1', 'body', 0)]));
    expect([shape.kind, shape.body.length]).toEqual(['list', 2]);
  });

  it('keeps the blocks of one module list together', () => {
    const ids = ['double.0', 'double.1', 'single.0', 'single.1', 'single.2'];
    expect(seriesOf(ids.map((id) => block(id, 'body', 0))).map(({ name, blocks }) => [name, blocks.length])).toEqual([
      ['double', 2],
      ['single', 3],
    ]);
  });

  it('makes rows of pairs and of loose layers, samplers apart', () => {
    const layer = (id: string, change: Partial<Block> = {}) => block(id, 'down', 0, { kind: 'resnet', ...change });
    const stage = block('d', 'down', 0, {
      children: [
        layer('p', { kind: 'pair', children: [layer('r'), layer('s')] }),
        layer('x'),
        layer('y'),
        layer('z', { kind: 'sampler' }),
      ],
    });
    const { rows, samplers } = rowsOf(stage);
    expect(rows.map((row) => [row.pair?.id ?? null, row.layers.map(({ id }) => id)])).toEqual([
      ['p', ['r', 's']],
      [null, ['x', 'y']],
    ]);
    expect(samplers.map(({ id }) => id)).toEqual(['z']);
  });
});
