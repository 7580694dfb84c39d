import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Block, BlockTree } from './block';
import {
  blockState,
  goneIds,
  indexBlocks,
  joinPlans,
  leaves,
  normalisePlan,
  pipelineTree,
  planOfComponent,
  rangeBetween,
  resolvePlan,
  sameCut,
  samePlan,
  setBlocks,
  toggleRange,
  toggleUnit,
} from './plan';

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

describe('plans of a whole pipeline', () => {
  const decoder: BlockTree = { ...tree, blocks: [block('mid'), block('up', [block('u0'), block('u1')])], groups: [] };
  const plan = { dropped: ['p0', 'decoder/mid', 'decoder/u1'] };

  it('come apart into those of components and together again', () => {
    expect(planOfComponent(plan, 'denoiser')).toEqual({ dropped: ['p0'] });
    expect(planOfComponent(plan, 'decoder')).toEqual({ dropped: ['mid', 'u1'] });
    expect(joinPlans({ denoiser: { dropped: ['p0'] }, decoder: { dropped: ['mid', 'u1'] } })).toEqual(plan);
  });

  it('are edited on both trees at once', () => {
    const both = pipelineTree(tree, decoder);
    expect(pipelineTree(tree, decoder)).toBe(both);
    expect(pipelineTree(tree, undefined)).toBe(tree);
    expect(toggleUnit(both, plan, 'decoder/u0').dropped).toEqual(['p0', 'decoder/mid', 'decoder/u0', 'decoder/u1']);
    expect(goneIds(both, { dropped: ['decoder/u0', 'decoder/u1'] }).has('decoder/up')).toBe(true);
    expect(toggleUnit(both, { dropped: ['decoder/up'] }, 'decoder/u0').dropped).toEqual(['decoder/u1']);
  });
});

describe('any plan on this tree', () => {
  const index = indexBlocks(tree);
  const droppable = [...index.values()].filter(({ block: { droppable: can } }) => can).map(({ block: { id } }) => id);
  const plans = fc.uniqueArray(fc.constantFrom(...droppable)).map((dropped) => ({ dropped }));
  const layersGone = (plan: { readonly dropped: readonly string[] }) =>
    tree.blocks.flatMap(leaves).filter(({ id }) => goneIds(tree, plan).has(id));

  it('normalised, removes the same and names nothing twice', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const normal = normalisePlan(tree, plan.dropped);
        expect(sameCut(tree, normal, plan)).toBe(true);
        for (const id of normal.dropped) {
          const others = { dropped: normal.dropped.filter((other) => other !== id) };
          expect(layersGone(others).length).toBeLessThan(layersGone(normal).length);
        }
      }),
    );
  });

  it('resolves to what the map shows as gone', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        expect(new Set(resolvePlan(tree, plan).goneIds)).toEqual(goneIds(tree, plan));
      }),
    );
  });

  it('after a click on a block shows that block in the other state', () => {
    fc.assert(
      fc.property(plans, fc.constantFrom(...droppable), (plan, id) => {
        const before = goneIds(tree, plan).has(id);
        expect(goneIds(tree, toggleUnit(tree, plan, id)).has(id)).toBe(!before);
      }),
    );
  });

  it('after a click on a range gives all of it the state of its end', () => {
    expect(toggleRange(tree, { dropped: ['b'] }, 'a', 'd').dropped).toEqual(['a', 'b', 'c', 'd']);
    expect(toggleRange(tree, { dropped: ['a', 'd', 'e'] }, 'a', 'd').dropped).toEqual(['e']);
  });
});
