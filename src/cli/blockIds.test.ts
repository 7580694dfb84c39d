import { describe, expect, it } from 'vitest';
import { bindings } from './arguments';
import { readBlockIds } from './blockIds';

const known = new Set(['blocks.0', 'blocks,1', 'blocks,1,2', 'a"b,c']);
const read = (...values: string[]) => readBlockIds(values, known);

describe('block ids', () => {
  it.each([
    [['blocks.0,blocks,1'], ['blocks.0', 'blocks,1']],
    [['blocks,1'], ['blocks,1']],
    [['blocks,1,2,blocks.0'], ['blocks,1,2', 'blocks.0']],
    [
      ['blocks,1', 'blocks.0'],
      ['blocks,1', 'blocks.0'],
    ],
    [['"blocks,1",blocks.0'], ['blocks,1', 'blocks.0']],
    [['"a""b,c"'], ['a"b,c']],
    [[' blocks.0 , nothing,'], ['blocks.0', 'nothing']],
    [['no,such'], ['no', 'such']],
    [[''], []],
  ])('%j are %j', (values, ids) => {
    expect(read(...values)).toEqual(ids);
  });
});

it('sizes are given to dimensions with commas in their names too', () => {
  expect([...bindings(['batch=2,max(h, 1)=16,frames=4', 'w=8'])]).toEqual([
    ['batch', 2],
    ['max(h, 1)', 16],
    ['frames', 4],
    ['w', 8],
  ]);
  expect(() => bindings(['batch=2,frames'])).toThrow('NAME=SIZE');
  expect(() => bindings(['batch'])).toThrow('NAME=SIZE');
});
