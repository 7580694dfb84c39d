import { describe, expect, test } from 'vitest';
import type { PhiloxCounter, PhiloxKey } from './seededNoise';
import { philox, seededNoise } from './seededNoise';

/** Random123's kat_vectors, philox4x32 with 10 rounds: counter, key, result. */
const KNOWN_ANSWERS: readonly (readonly [PhiloxCounter, PhiloxKey, PhiloxCounter])[] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

function correlation(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0) / a.length;
}

describe('philox', () => {
  test.each(KNOWN_ANSWERS)('counter %j, key %j', (counter, key, expected) => {
    expect(philox(counter, key)).toEqual(expected);
  });
});

describe('seededNoise', () => {
  const count = 200_000;
  const noise = seededNoise(7, count);

  test('has the moments of a unit normal', () => {
    const moment = (power: number) => noise.reduce((sum, value) => sum + value ** power, 0) / count;
    // Five standard errors: sd of z, z^2 - 1, z^3 and z^4 - 3 is 1, sqrt 2, sqrt 15 and sqrt 96.
    const bound = (deviation: number) => (5 * deviation) / Math.sqrt(count);
    expect(Math.abs(moment(1))).toBeLessThan(bound(1));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(bound(Math.SQRT2));
    expect(Math.abs(moment(3))).toBeLessThan(bound(Math.sqrt(15)));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(bound(Math.sqrt(96)));
  });

  test('neighbours, seeds and streams are uncorrelated', () => {
    const bound = 5 / Math.sqrt(count);
    expect(Math.abs(correlation(noise.subarray(0, -1), noise.subarray(1)))).toBeLessThan(bound);
    expect(Math.abs(correlation(noise, seededNoise(8, count)))).toBeLessThan(bound);
    expect(Math.abs(correlation(noise, seededNoise(7, count, 1)))).toBeLessThan(bound);
  });

  test('a longer run starts with the shorter one', () => {
    for (const length of [0, 1, 2, 3, 5, 1000]) expect(seededNoise(7, length)).toEqual(noise.slice(0, length));
  });

  test('the first values of seed 0 stay what they are', () => {
    expect(Array.from(seededNoise(0, 4))).toMatchInlineSnapshot(`
      [
        0.991137683391571,
        -0.9246625900268555,
        -0.6176089644432068,
        -0.48206859827041626,
      ]
    `);
  });

  test('more than any clip has is refused, not tried', () => {
    for (const length of [2 ** 28 + 1, 2 ** 40, Infinity, NaN])
      expect(() => seededNoise(0, length)).toThrow(expect.objectContaining({ code: 'engine/cannot-run' }));
  });
});
