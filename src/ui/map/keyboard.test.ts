import { describe, expect, it } from 'vitest';
import { nearest } from './keyboard';

/** Two rows of three, the second a little to the right, as in an indented stage. */
const spots = [0, 1].flatMap((row) =>
  [0, 1, 2].map((column) => ({ id: `${row}${column}`, x: column * 40 + row * 9, y: row * 26 })),
);

describe('arrow keys on the map', () => {
  it('keep to rows and columns', () => {
    expect(nearest(spots, '00', 'ArrowRight')).toBe('01');
    expect(nearest(spots, '01', 'ArrowDown')).toBe('11');
    expect(nearest(spots, '12', 'ArrowUp')).toBe('02');
    expect(nearest(spots, '12', 'ArrowLeft')).toBe('11');
  });
  it('stop at the edges and start anywhere', () => {
    expect(nearest(spots, '00', 'ArrowUp')).toBeNull();
    expect(nearest(spots, 'gone', 'ArrowUp')).toBe('00');
  });
});
