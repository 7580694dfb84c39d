import { describe, expect, it } from 'vitest';
import { freshNames } from './freshNames';
import { buildGraph } from './testing/buildModel';

describe('new names', () => {
  const graph = buildGraph((b) => {
    b.input('x', [1]);
    const body = buildGraph(
      (inner) => inner.output(inner.op('Neg', ['x'], {}, { name: 'inner', outputs: ['deep'] })),
      'body',
    );
    b.op('If', ['x'], { then_branch: body }, { name: 'node', outputs: ['y', ''] });
    b.weight('w', [1]);
    b.valueInfo('typed', [1]);
    b.output('y');
  });

  it('are as wanted where that is free', () => {
    expect(freshNames(graph)('new')).toBe('new');
  });

  it.each(['x', 'y', 'w', 'node', 'typed', 'inner', 'deep'])('avoid %s', (name) => {
    const fresh = freshNames(graph);
    expect([fresh(name), fresh(name)]).toEqual([`${name}_2`, `${name}_3`]);
  });

  it('are given once each, however they are asked for', () => {
    const fresh = freshNames(graph);
    const names = ['a', 'a_2', 'a', 'a', 'a_2'].map(fresh);
    expect(new Set(names).size).toBe(5);
  });

  it('of ten thousand that want the same are found without trying each again', () => {
    const fresh = freshNames(graph);
    const names = new Set(Array.from({ length: 10_000 }, () => fresh('x')));
    expect(names.size).toBe(10_000);
  });
});
