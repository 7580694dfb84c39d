import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindings } from '../cli/arguments';
import { planFromAddress, planToAddress, planToOption, readBlockIds, readPlanFile, writePlanFile } from './planText';

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

describe('any plan as text', () => {
  const ids = fc.uniqueArray(fc.string({ minLength: 1 }).filter((id) => id.trim() !== ''));

  it('reads back from an address, an option and a file', () => {
    fc.assert(
      fc.property(ids, (dropped) => {
        expect(planFromAddress(planToAddress({ dropped }))).toEqual({ dropped });
        expect(readBlockIds([planToOption({ dropped })], new Set<string>())).toEqual(dropped);
        expect(readPlanFile(writePlanFile({ dropped }, { model: 'm', plan: null }), 'p.json')).toEqual({ dropped });
      }),
    );
  });

  it('keeps ids of the decoder legible', () => {
    const plan = { dropped: ['mid_block', 'decoder/up_blocks.2.resnets.1'] };
    expect(planToAddress(plan)).toBe('mid_block,decoder/up_blocks.2.resnets.1');
    expect(planToOption(plan)).toBe('mid_block,decoder/up_blocks.2.resnets.1');
  });
});
