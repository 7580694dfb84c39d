import { describe, expect, it } from 'vitest';
import { depthClaim, spearman } from './depthClaim';

const at = (depth: number, motion: number) => ({ depth, content: 1 - motion, motion });

describe('the claim that deep blocks carry motion', () => {
  it('ranks as scipy.stats.spearmanr does, ties included', () => {
    const depths = [0, 0, 1, 1, 2, 2, 3, 3, 3, 1];
    const shares = [0.1, 0.2, 0.15, 0.3, 0.4, 0.2, 0.5, 0.45, 0.1, 0.3];
    expect(spearman(depths, shares)).toBeCloseTo(0.45752481092124664, 12);
  });

  it('is confirmed, refuted or left open as it was planted', () => {
    const depths = Array.from({ length: 20 }, (_, i) => i);
    const of = (motion: (i: number) => number) => depthClaim(depths.map((i) => at(i, motion(i))));
    expect(of((i) => 0.1 + i / 40)).toMatchObject({ verdict: 'confirmed', correlation: 1, blocks: 20 });
    expect(of((i) => 0.9 - i / 40)).toMatchObject({ verdict: 'refuted', correlation: -1 });
    expect(of((i) => 0.5 + ((i * 7) % 20) / 100)?.verdict).toBe('undecided');
  });

  it('says nothing of too few blocks, of one depth, or of blocks that do nothing', () => {
    expect(depthClaim([at(0, 0.1), at(1, 0.2)])).toBeNull();
    expect(depthClaim([0.1, 0.2, 0.3, 0.4, 0.5].map((motion) => at(3, motion)))).toBeNull();
    expect(depthClaim(Array.from({ length: 9 }, (_, depth) => ({ depth, content: 0, motion: 0 })))).toBeNull();
  });
});
