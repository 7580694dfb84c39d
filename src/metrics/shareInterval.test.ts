import { describe, expect, it } from 'vitest';
import { shareInterval } from './shareInterval';

/** From scipy 1.17: `binomtest(k, n).proportion_ci(method='wilson')`. */
const fromScipy = [
  [0, 5, 0, 0.4344824648],
  [5, 5, 0.5655175352, 1],
  [7, 10, 0.3967781475, 0.8922087326],
  [12, 20, 0.3865815008, 0.7811934676],
  [50, 100, 0.4038315304, 0.5961684696],
  [1, 1, 0.2065493144, 1],
] as const;

describe('the interval of a share', () => {
  it.each(fromScipy)('%i of %i is as scipy has it', (successes, trials, low, high) => {
    const interval = shareInterval(successes, trials);
    expect(interval[0]).toBeCloseTo(low, 8);
    expect(interval[1]).toBeCloseTo(high, 8);
  });

  it('says nothing without answers', () => expect(shareInterval(0, 0)).toEqual([0, 1]));
});
