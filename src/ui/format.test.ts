import { describe, expect, it } from 'vitest';
import { formatBytes, formatMacs, formatMs, formatParameters, formatPercent, formatTiny, significant } from './format';

const plain = (text: string) => text.replace('\u202f', ' ');

describe('numbers for people', () => {
  it('keeps three digits', () => {
    expect([0, 0.01234, 1.234, 12.34, 123.4, 1234.5].map((value) => significant(value))).toEqual([
      '0',
      '0.0123',
      '1.23',
      '12.3',
      '123',
      '1,235',
    ]);
  });
  it('scales units', () => {
    expect(plain(formatParameters(3_941_000))).toBe('3.94 M');
    expect(plain(formatParameters(1_524_600_000))).toBe('1.52 B');
    expect(plain(formatMacs(22.3e12))).toBe('22.3 T');
    expect(plain(formatBytes(999_900))).toBe('1 MB');
    expect(plain(formatMs(41.26))).toBe('41 ms');
    expect(plain(formatMs(12_340))).toBe('12.3 s');
    expect(plain(formatPercent(0.6164))).toBe('61.6 %');
    expect(formatTiny(1.2e-7)).toBe('1.2e−7');
  });
});
