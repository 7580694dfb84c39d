/** Image pyramids: each level half the size of the one before, blurred with the binomial [1 4 6 4 1] / 16. */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Plane } from './luma';

/** Levels below this side length hold too little for a flow window. */
const smallestSide = 12;

/** Level 0 is the plane itself; pixel (x, y) of level n lies at (2x, 2y) of level n - 1. */
export function pyramid(plane: Plane): Plane[] {
  const levels = [plane];
  for (;;) {
    const finer = levels[levels.length - 1]!;
    if (Math.min(finer.width, finer.height) < 2 * smallestSide) return levels;
    levels.push(halve(finer));
  }
}

function halve({ width, height, values }: Plane): Plane {
  const columns = (width + 1) >> 1;
  const rows = (height + 1) >> 1;
  const horizontal = new Float32Array(columns * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < columns; x++) {
      horizontal[y * columns + x] = binomial(values, y * width, 1, 2 * x, width);
    }
  }
  const halved = new Float32Array(columns * rows);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      halved[y * columns + x] = binomial(horizontal, x, columns, 2 * y, height);
    }
  }
  return { width: columns, height: rows, values: halved };
}

/** Around `index` of the line start, start + step, ..., `length` long; the border pixel repeats. */
function binomial(values: Float32Array, start: number, step: number, index: number, length: number): number {
  const at = (i: number) => values[start + step * Math.min(Math.max(i, 0), length - 1)]!;
  return (at(index - 2) + at(index + 2) + 4 * (at(index - 1) + at(index + 1)) + 6 * at(index)) / 16;
}
