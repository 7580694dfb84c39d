/** Which plan of a front is offered first, and what is taken for one that was kept. */
import { expect, it } from 'vitest';
import type { MeasuredPlan } from '../../worker/protocol';
import { gentlestUseful, isGentle } from './gentle';
import { readMeasured } from './measured';

const plan = (macs: number, total: number, dropped: readonly string[]): MeasuredPlan => ({
  plan: { dropped },
  cost: { macs, parameters: macs, ms: null, msInterval: null },
  error: { content: 0, motion: total, total },
});

it('is the one of least damage that saves a tenth of the MACs, else the cheapest', () => {
  const front = [plan(1, 0, []), plan(0.95, 1e-9, ['a']), plan(0.88, 1e-6, ['a', 'b']), plan(0.5, 1, ['c'])];
  expect(gentlestUseful(front)).toEqual({ dropped: ['a', 'b'], macs: 0.88, damage: 1e-6 });
  expect(gentlestUseful(front.slice(0, 2))?.dropped).toEqual(['a']);
  expect(gentlestUseful(front.slice(0, 1))).toBeNull();
});

it('is kept with what was measured; an entry with a broken one is left out', () => {
  expect(isGentle({ dropped: ['a'], macs: 0.5, damage: 0 })).toBe(true);
  for (const broken of [
    null,
    1,
    { dropped: 'a', macs: 0.5, damage: 0 },
    { dropped: [1], macs: 0.5, damage: 0 },
    { dropped: [], macs: null, damage: 0 },
  ])
    expect(isGentle(broken)).toBe(false);
  const entry = { name: 'n', units: [], errors: [] };
  const text = JSON.stringify([entry, { ...entry, gentle: null }, { ...entry, gentle: { dropped: ['a'] } }]);
  expect(readMeasured(text)).toHaveLength(2);
});
