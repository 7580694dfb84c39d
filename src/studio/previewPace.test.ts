import { describe, expect, it } from 'vitest';
import { previewPace } from './previewPace';

/** Steps at which a preview was made, and what all previews took of the steps' time. */
function sampled(steps: number, stepMs: number, previewMs: number, knownMs?: number) {
  const pace = previewPace(knownMs);
  const at: number[] = [];
  for (let step = 1; step < steps; step++) {
    pace.stepTook(stepMs);
    if (!pace.affordsOne()) continue;
    pace.previewTook(previewMs);
    at.push(step);
  }
  return { at, share: (at.length * previewMs) / (steps * stepMs) };
}

describe('the pace of previews', () => {
  it.each([
    [16, 600, 250],
    [16, 600, 60],
    [50, 90, 200],
    [50, 4000, 4000],
    [4, 340, 250],
    [1000, 3, 1],
  ])('%i steps of %i ms, previews of %i ms: a tenth at most once the cost is known', (steps, stepMs, previewMs) => {
    expect(sampled(steps, stepMs, previewMs, previewMs).share).toBeLessThanOrEqual(0.1);
  });

  it('has them evenly apart, as often as they are cheap', () => {
    expect(sampled(16, 600, 250, 250).at).toEqual([5, 9, 13]);
    expect(sampled(16, 600, 60, 60).at).toHaveLength(15);
    expect(sampled(16, 10, 1000, 1000).at).toEqual([]);
  });

  it('makes the first where it is likely to be cheap, and learns from it', () => {
    expect(sampled(16, 600, 60).at[0]).toBe(5);
    expect(sampled(16, 600, 1500).at).toEqual([5]);
    expect(sampled(4, 340, 250).at).toEqual([]);
  });
});
