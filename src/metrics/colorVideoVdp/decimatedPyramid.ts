/**
 * A Laplacian pyramid with half the pixels at every level, its borders mirrored (Burt and Adelson 1983, a = 0.4). As in
 * the package, the right border of a frame with an odd number of rows is mirrored as one with odd columns.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Plane } from '../luma';

const A = 0.4;
const KERNEL = [0.25 - A / 2, 0.25, A, 0.25, 0.25 - A / 2] as const;

/** Cycles per degree of every band; the last is the base band. */
export function bandFrequencies(width: number, height: number, pixelsPerDegree: number): readonly number[] {
  const lowest = 0.2;
  const most = Math.floor(Math.log2(Math.min(width, height))) - 1;
  const frequencies = [1, ...Array.from({ length: 14 }, (_, i) => 0.3228 * 2 ** -i)].map(
    (share) => (share * pixelsPerDegree) / 2,
  );
  const first = frequencies.findIndex((frequency) => frequency <= lowest);
  const bands = Math.max(0, Math.min(most, (first === -1 ? most : first) + 1));
  return frequencies.slice(0, bands + 1);
}

/** `levels` planes, the frame itself first. */
export function gaussianPyramid(plane: Plane, levels: number): readonly Plane[] {
  const pyramid = [plane];
  while (pyramid.length < levels) pyramid.push(reduce(pyramid.at(-1)!));
  return pyramid;
}

function reduce(plane: Plane): Plane {
  return reduceRows(reduceColumns(plane), plane.height % 2 === 1);
}

/** Along the height. */
function reduceColumns({ width, height, values }: Plane): Plane {
  const reduced = Math.ceil(height / 2);
  const result = new Float32Array(reduced * width);
  const add = (to: number, from: number, weight: number) => {
    for (let x = 0; x < width; x++) result[to * width + x]! += weight * values[from * width + x]!;
  };
  for (let y = 0; y < reduced; y++) {
    for (let k = 0; k < 5; k++) {
      const from = 2 * y + k - 2;
      if (from >= 0 && from < height) add(y, from, KERNEL[k]!);
    }
  }
  for (const [to, from, weight] of mirrored(reduced, height, height % 2 === 1)) add(to, from, weight);
  return { width, height: reduced, values: result };
}

/** Along the width. */
function reduceRows({ width, height, values }: Plane, odd: boolean): Plane {
  const reduced = Math.ceil(width / 2);
  const result = new Float32Array(reduced * height);
  const edges = mirrored(reduced, width, odd);
  for (let y = 0; y < height; y++) {
    const [row, to] = [y * width, y * reduced];
    for (let x = 0; x < reduced; x++) {
      let sum = 0;
      for (let k = 0; k < 5; k++) {
        const from = 2 * x + k - 2;
        if (from >= 0 && from < width) sum += KERNEL[k]! * values[row + from]!;
      }
      result[to + x] = sum;
    }
    for (const [at, from, weight] of edges) result[to + at]! += weight * values[row + from]!;
  }
  return { width: reduced, height, values: result };
}

/** What the mirrored pixels beyond both borders add: to, from, weight. */
function mirrored(reduced: number, size: number, odd: boolean): readonly (readonly [number, number, number])[] {
  const left = [
    [0, 0, KERNEL[1]],
    [0, 1, KERNEL[0]],
  ] as const;
  const last = reduced - 1;
  if (!odd) return [...left, [last, size - 1, KERNEL[4]]];
  return [...left, [last, size - 1, KERNEL[3]], [last, size - 2, KERNEL[4]]];
}

/** To twice the size, or one less of it where the larger plane is odd. */
export function expand(plane: Plane, width: number, height: number): Plane {
  return expandRows(expandColumns(plane, height), width);
}

/** The smaller plane's index at a place of the larger one, with two places added before and after; -1: a zero. */
function interleaved(place: number, size: number, smaller: number): number {
  if (place === 0) return 0;
  if (place === (size % 2 === 1 ? size + 3 : size + 2)) return smaller - 1;
  const inside = place - 2;
  return inside >= 0 && inside < size && inside % 2 === 0 ? inside / 2 : -1;
}

function expandColumns({ width, height, values }: Plane, size: number): Plane {
  const result = new Float32Array(size * width);
  for (let y = 0; y < size; y++) {
    for (let k = 0; k < 5; k++) {
      const from = interleaved(y + k, size, height);
      if (from < 0) continue;
      const weight = 2 * KERNEL[k]!;
      for (let x = 0; x < width; x++) result[y * width + x]! += weight * values[from * width + x]!;
    }
  }
  return { width, height: size, values: result };
}

function expandRows({ width, height, values }: Plane, size: number): Plane {
  const result = new Float32Array(size * height);
  for (let x = 0; x < size; x++) {
    for (let k = 0; k < 5; k++) {
      const from = interleaved(x + k, size, width);
      if (from < 0) continue;
      const weight = 2 * KERNEL[k]!;
      for (let y = 0; y < height; y++) result[y * size + x]! += weight * values[y * width + from]!;
    }
  }
  return { width: size, height, values: result };
}
