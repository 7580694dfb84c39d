import { describe, expect, it } from 'vitest';
import { outputDifference } from './outputDifference';

const of = (...values: number[]) => Float32Array.from(values);

describe('outputDifference', () => {
  it('gives the largest and the mean distance', () => {
    expect(outputDifference(of(1, 2, 3, 4), of(1, 0, 4, 4))).toEqual({ max: 2, mean: 0.75 });
  });

  it.each([0, 1, 2])('keeps a NaN at %i, whatever follows', (at) => {
    const broken = of(1, 2, 3);
    broken[at] = NaN;
    expect(outputDifference(broken, of(1, 2, 3)).max).toBeNaN();
    expect(outputDifference(of(1, 2, 3), broken).max).toBeNaN();
  });

  it('is infinite where the lengths differ', () => {
    expect(outputDifference(of(1), of(1, 2)).max).toBe(Infinity);
  });
});
