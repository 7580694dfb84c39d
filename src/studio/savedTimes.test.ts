/** Forecasts of time: exact measurements count as they are, noise gives way to MACs, and measured plans set the scale. */
import { describe, expect, it } from 'vitest';
import type { BlockTree } from '../blocks/block';
import type { Pipeline } from './Pipeline';
import { settledSavings, timeForecast } from './savedTimes';
import type { Unit } from './units';

const exact = (median: number) => ({ median, low: median, high: median });
const noisy = (median: number) => ({ median, low: median - 0.4, high: median + 0.4 });

describe('settled savings', () => {
  it('are the measured ones where those have no spread', () => {
    const units = [exact(0.3), exact(0), exact(0.1)].map((saved, i) => ({ macs: [0.1, 0.2, 0.1][i]!, saved }));
    expect(settledSavings(units)).toEqual([0.3, 0, 0.1]);
  });

  it('follow the MACs where all is noise, and never claim that a unit costs time', () => {
    const units = [noisy(0.5), noisy(-0.3), noisy(0.1), noisy(0.1)].map((saved) => ({ macs: 0.1, saved }));
    const settled = settledSavings(units);
    for (const share of settled) expect(Math.abs(share - 0.1)).toBeLessThan(0.03); // their mean is 0.1 a unit
    expect(settledSavings([{ macs: 0, saved: exact(-0.2) }])).toEqual([0]);
  });
});

describe('the forecast', () => {
  const block = (id: string) => ({ id, children: [], rewires: [], droppable: true });
  const tree = { blocks: ['a', 'b', 'c'].map(block), groups: [] } as unknown as BlockTree;
  const units = ['a', 'b', 'c'].map((id) => ({ id, plan: { dropped: [id] } })) as unknown as readonly Unit[];

  it('adds up, and learns from a plan that was measured', () => {
    const forecast = timeForecast({ denoiser: { tree } } as unknown as Pipeline, units, [0.2, 0.1, 0.3]);
    expect(forecast.of({ dropped: ['a', 'b'] })).toBeCloseTo(0.7, 12);
    forecast.learn({ dropped: ['a', 'b'] }, 0.85); // half of what was foretold
    expect(forecast.of({ dropped: ['a', 'b'] })).toBeCloseTo(0.85, 12);
    expect(forecast.of({ dropped: ['c'] })).toBeCloseTo(0.85, 12);
    expect(forecast.of({ dropped: [] })).toBe(1);
  });
});
