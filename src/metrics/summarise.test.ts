/** Mean, spread and worst case against scipy 1.17 (`stats.t.interval`, `stats.sem`, `np.std(ddof=1)`). */
import { describe, expect, it } from 'vitest';
import { studentT975, summarise, worstFirst } from './summarise';

describe('summarise', () => {
  it.each([
    {
      values: [0.3, 1.7, -2.25, 9, 4.5, 4.5],
      mean: 2.9583333333,
      deviation: 3.925100848,
      median: 3.1,
      low: -1.1608,
      high: 7.0775,
    },
    { values: [12.5, 30.1], mean: 21.3, deviation: 12.4450793489, median: 21.3, low: -90.5146, high: 133.1146 },
  ])('$values', ({ values, mean, deviation, median, low, high }) => {
    const summary = summarise(values)!;
    expect(summary.mean).toBeCloseTo(mean, 9);
    expect(summary.standardDeviation).toBeCloseTo(deviation, 8);
    expect(summary.median).toBeCloseTo(median, 12);
    expect(summary.interval95![0]).toBeCloseTo(low, 2);
    expect(summary.interval95![1]).toBeCloseTo(high, 2);
  });

  it('names the worst by what is bad, and its place', () => {
    expect(summarise([3, 9, 1])!.worst).toEqual({ value: 9, index: 1 });
    expect(summarise([3, 9, 1], 'lower')!.worst).toEqual({ value: 1, index: 2 });
    expect(worstFirst([3, 9, 1, 9])).toEqual([1, 3, 0, 2]);
    expect(worstFirst([3, Infinity, Number.NaN, 1, Infinity], 'lower')).toEqual([2, 3, 0, 1, 4]);
  });

  it('counts what is not finite, and leaves it out of the mean', () => {
    expect(summarise([Infinity, 20, 30], 'lower')).toMatchObject({
      count: 3,
      notFinite: 1,
      mean: 25,
      worst: { index: 1 },
    });
    expect(summarise([Infinity, Number.NaN])).toBeNull();
    expect(summarise([])).toBeNull();
    expect(summarise([5])).toMatchObject({ mean: 5, standardDeviation: 0, median: 5, interval95: null });
  });
});

it.each([
  [1, 12.706205],
  [2, 4.302653],
  [3, 3.182446],
  [4, 2.776445],
  [6, 2.446912],
  [19, 2.093024],
  [99, 1.984217],
])("Student's t at 97.5 %% of %d degrees is %d", (degrees, expected) => {
  expect(Math.abs(studentT975(degrees) / expected - 1)).toBeLessThan(degrees > 5 ? 1e-4 : 3e-3);
});
