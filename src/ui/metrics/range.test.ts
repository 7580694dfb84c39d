import { describe, expect, it } from 'vitest';
import { chartRange } from './range';

describe('chart range', () => {
  it('rounds outwards', () => {
    expect(chartRange([28.3, 31.7], ['auto', 'auto'])).toEqual([28, 32]);
    expect(chartRange([0.9641, 0.989], ['auto', 'auto'])).toEqual([0.96, 0.99]);
    expect(chartRange([12, 43], [0, 'auto'])).toEqual([0, 45]);
  });
  it('gives equal values room', () => {
    expect(chartRange([0, 0], [0, 'auto'])).toEqual([0, 1]);
    const [low, high] = chartRange([1, 1], ['auto', 1]);
    expect(low).toBeLessThan(1);
    expect(high).toBe(1);
  });
  it('ends at the cap', () => {
    expect(chartRange([1, 1], ['auto', 'auto'], 1)[1]).toBe(1);
  });
  it('ignores infinite values', () => {
    expect(chartRange([Infinity, 30, 32], ['auto', 'auto'])).toEqual([30, 32]);
  });
});
