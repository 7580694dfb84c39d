import { describe, expect, it } from 'vitest';
import { hashWithPlan, planFromHash } from './hash';

describe('plan in the address', () => {
  it('survives a round trip, odd ids included', () => {
    for (const dropped of [[], ['mid_block'], ['down_blocks.0.resnets.1', 'a b', 'x/y', 'p=q&r', 'ü,v', '100%']]) {
      const hash = hashWithPlan('', { dropped });
      expect(planFromHash(hash)?.dropped ?? []).toEqual(dropped);
    }
  });

  it('stays readable and keeps other entries', () => {
    expect(hashWithPlan('#model=m', { dropped: ['down_blocks.0', 'mid_block'] })).toBe(
      '#model=m&plan=down_blocks.0,mid_block',
    );
    expect(hashWithPlan('#plan=a', { dropped: [] })).toBe('');
    expect(planFromHash('#model=m')).toBeNull();
  });
});
