/** Frechet distance and MMD against numpy and scipy (training/reference/feature_distances.py), and what is refused. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { frechetDistance } from './frechetDistance';
import { maximumMeanDiscrepancy } from './maximumMeanDiscrepancy';

interface Case {
  readonly clips: number;
  readonly others: number;
  readonly length: number;
  readonly shift: number;
  readonly spread: number;
  readonly phase: number;
  /** One drawn feature of each side: clip 3, place 5. */
  readonly first: number;
  readonly second: number;
  readonly frechet: number;
  readonly mmd: number;
}

const cases = JSON.parse(
  readFileSync(`${import.meta.dirname}/fixtures/featureDistances.json`, 'utf8'),
) as readonly Case[];

function features(clips: number, length: number, shift: number, spread: number, phase: number) {
  return Array.from({ length: clips }, (_, i) =>
    Float64Array.from({ length }, (_, j) => {
      const [clip, place] = [i + 1, j + 1];
      const mixed = Math.sin(clip * 12.9898 + place * 78.233 + phase) * 43758.5453;
      const noise = spread * (mixed - Math.floor(mixed) - 0.5) * (1 + place / length);
      return noise + 0.3 * Math.sin(clip * 0.7 + phase) + shift;
    }),
  );
}

describe.each(cases)('$clips and $others clips of $length features, shift $shift, spread $spread', (one) => {
  const ours = features(one.clips, one.length, 0, 1, 0);
  const theirs = features(one.others, one.length, one.shift, one.spread, one.phase);

  it('are drawn as the reference draws them', () => {
    expect(ours[3]![5]!).toBeCloseTo(one.first, 6);
    expect(theirs[3]![5]!).toBeCloseTo(one.second, 6);
  });

  it('have scipy’s Frechet distance', () => {
    expect(Math.abs(frechetDistance(ours, theirs, 2) - one.frechet)).toBeLessThan(1e-5 * (1 + one.frechet));
  });

  it('have numpy’s unbiased discrepancy, and subsets around it', () => {
    const { value, subsets } = maximumMeanDiscrepancy(ours, theirs);
    expect(Math.abs(value - one.mmd)).toBeLessThan(1e-6);
    expect(subsets.size).toBe(Math.min(one.clips, one.others) >> 1);
    if (one.phase === 0) return; // equal sets: a clip and itself are never in two independent subsets alike
    expect(Math.abs(subsets.mean - value)).toBeLessThan(4 * subsets.standardDeviation + 1e-9);
    expect(maximumMeanDiscrepancy(ours, theirs).subsets).toEqual(subsets);
  });
});

it('are refused for few clips', () => {
  const few = features(255, 4, 0, 1, 0);
  expect(() => frechetDistance(few, few)).toThrow('at least 256 clips of each side; there are 255');
  expect(() => maximumMeanDiscrepancy(few.slice(0, 3), few)).toThrow('at least 4');
});
