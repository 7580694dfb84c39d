import { describe, expect, it, vi } from 'vitest';
import { keepMeasured, measuredOf, readMeasured } from './measured';

const output = { content: 1, motion: 2, total: 3, halfInterval: 0 };
const unit = {
  id: 'a',
  plan: { dropped: ['a'] },
  kind: 'resnet',
  section: 'down',
  level: 0,
  depth: 1,
  parameters: 1,
  macs: 1,
  output,
};
const error = { plan: { dropped: ['a'] }, error: { content: 1, motion: 2, total: 3 } };

describe('what was measured before', () => {
  it('is read back as it was kept', () => {
    const entries = [{ name: 'x', units: [unit], errors: [error] }];
    expect(readMeasured(JSON.stringify(entries))).toEqual(entries);
  });

  it('is of one size, where the model leaves it open', () => {
    let text: string | null = null;
    vi.stubGlobal('localStorage', { getItem: () => text, setItem: (_: string, value: string) => (text = value) });
    const clips = [{ prompt: 'a', seed: 1, steps: 2, guidance: 1 }];
    const keepAt = (size: string | undefined, total: number) =>
      keepMeasured({
        ...{ fingerprint: 'f', unitKind: 'layers', clips, units: [], size },
        errors: [{ ...error, error: { ...error.error, total } }],
      });
    keepAt(undefined, 1);
    keepAt('16x32x32', 2);
    keepAt('8x32x32', 3);
    const totalAt = (size?: string) => measuredOf('f', 'layers', clips, size)?.errors[0]?.error.total;
    expect([totalAt(), totalAt('16x32x32'), totalAt('8x32x32'), totalAt('4x4x4')]).toEqual([1, 2, 3, undefined]);
    vi.unstubAllGlobals();
  });

  it('counts as not measured where anything of it is absurd', () => {
    const bad = [
      { name: 'x', units: [{ ...unit, output: { ...output, motion: null } }], errors: [] },
      { name: 'x', units: [{ ...unit, depth: 'deep' }], errors: [] },
      { name: 'x', units: [null], errors: [] },
      { name: 'x', units: [], errors: [{ plan: {}, error: error.error }] },
      { name: 'x', units: [], errors: [null] },
      { units: [], errors: [] },
      null,
      7,
    ];
    for (const entry of bad) expect(readMeasured(JSON.stringify([entry])), JSON.stringify(entry)).toEqual([]);
    for (const text of [null, '', '{', 'null', '{}', '"x"']) expect(readMeasured(text)).toEqual([]);
  });
});
