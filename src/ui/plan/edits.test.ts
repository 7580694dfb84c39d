import { describe, expect, it } from 'vitest';
import type { Block, BlockTree } from '../../blocks/block';
import { blockState, goneIds, indexBlocks, normalisePlan, rangeBetween, sameCut, samePlan, setBlocks } from './edits';

let depth = 0;
function block(id: string, children: readonly Block[] = [], extra: Partial<Block> = {}): Block {
  const droppable = extra.droppable ?? true;
  return {
    id,
    kind: children.length > 0 ? 'pair' : 'layer',
    section: 'down',
    level: 0,
    depth: depth++,
    parameters: 1,
    bytes: 4,
    macs: 1,
    rewires: [],
    children,
    ...extra,
    droppable,
    ...(droppable ? {} : { reason: 'It changes the shape.' }),
  };
}

/** in - s0(p0(a, b), p1(c, d), down!) - s1(p2(e, f)) - out, and a group of s1 and the sampler. */
const tree: BlockTree = {
  latentInput: 'sample',
  blocks: [
    block('in', [], { droppable: false }),
    block(
      's0',
      [
        block('p0', [block('a'), block('b')]),
        block('p1', [block('c'), block('d')]),
        block('down', [], { droppable: false }),
      ],
      { droppable: false },
    ),
    block('s1', [block('p2', [block('e'), block('f')])]),
    block('out', [], { droppable: false }),
  ],
  groups: [block('inner', [], { kind: 'inner-stages', members: ['down', 's1'] })],
  notes: [],
  totals: { nodes: 0, parameters: 8, bytes: 32, macs: 8 },
};
const none = { dropped: [] };

describe('plan edits', () => {
  it('indexes every block and group once, parents before children', () => {
    const index = indexBlocks(tree);
    expect([...index.keys()]).toEqual([
      'in',
      's0',
      'p0',
      'a',
      'b',
      'p1',
      'c',
      'd',
      'down',
      's1',
      'p2',
      'e',
      'f',
      'out',
      'inner',
    ]);
    expect(index.get('b')?.parentId).toBe('p0');
  });

  it('counts descendants, group members and emptied parents as gone', () => {
    expect([...goneIds(tree, { dropped: ['p0'] })].sort()).toEqual(['a', 'b', 'p0']);
    expect(goneIds(tree, { dropped: ['a', 'b'] }).has('p0')).toBe(true);
    expect([...goneIds(tree, { dropped: ['inner'] })].sort()).toEqual(['down', 'e', 'f', 'inner', 'p2', 's1']);
    expect(goneIds(tree, { dropped: ['nowhere'] }).size).toBe(0);
  });

  it('tells on, off and mixed', () => {
    const { block: p0 } = indexBlocks(tree).get('p0')!;
    const { block: inner } = indexBlocks(tree).get('inner')!;
    expect(blockState(tree, p0, goneIds(tree, none))).toBe('on');
    expect(blockState(tree, p0, goneIds(tree, { dropped: ['a'] }))).toBe('mixed');
    expect(blockState(tree, p0, goneIds(tree, { dropped: ['a', 'b'] }))).toBe('off');
    expect(blockState(tree, inner, goneIds(tree, { dropped: ['e'] }))).toBe('mixed');
  });

  it('keeps plans minimal and legal', () => {
    expect(normalisePlan(tree, ['b', 'p0', 'a', 'down', 'nowhere', 'c']).dropped).toEqual(['p0', 'c']);
    expect(normalisePlan(tree, ['e', 'inner', 's1']).dropped).toEqual(['inner']);
  });

  it('switches off and on again to the same plan', () => {
    for (const id of ['a', 'p0', 's1', 'inner']) {
      const off = setBlocks(tree, none, [id], false);
      expect(off.dropped).toEqual([id]);
      expect(setBlocks(tree, off, [id], true).dropped).toEqual([]);
    }
  });

  it('leaves what cannot go', () => {
    expect(setBlocks(tree, none, ['in', 'down', 's0'], false).dropped).toEqual([]);
  });

  it('turns one child of a dropped parent on and keeps its siblings off', () => {
    expect(setBlocks(tree, { dropped: ['p0'] }, ['a'], true).dropped).toEqual(['b']);
    expect(setBlocks(tree, { dropped: ['s1'] }, ['e'], true).dropped).toEqual(['f']);
  });

  it('turning a member of a dropped group on brings the whole group back', () => {
    expect(setBlocks(tree, { dropped: ['inner', 'a'] }, ['e'], true).dropped).toEqual(['a']);
  });

  it('turning a parent on clears its children', () => {
    expect(setBlocks(tree, { dropped: ['a', 'b', 'c'] }, ['p0'], true).dropped).toEqual(['c']);
  });

  it('ranges over blocks of one rank', () => {
    expect(rangeBetween(tree, 'b', 'e')).toEqual(['b', 'c', 'd', 'down', 'e']);
    expect(rangeBetween(tree, 'p0', 'p1')).toEqual(['p0', 'p1']);
    expect(rangeBetween(tree, 'f', 'd')).toEqual(['d', 'down', 'e', 'f']);
  });

  it('compares cuts by what they remove', () => {
    expect(sameCut(tree, { dropped: ['p0'] }, { dropped: ['b', 'a'] })).toBe(true);
    expect(sameCut(tree, { dropped: ['p0'] }, { dropped: ['a'] })).toBe(false);
  });

  it('compares plans as sets', () => {
    expect(samePlan({ dropped: ['a', 'b'] }, { dropped: ['b', 'a'] })).toBe(true);
    expect(samePlan({ dropped: ['a'] }, { dropped: ['b'] })).toBe(false);
  });
});
