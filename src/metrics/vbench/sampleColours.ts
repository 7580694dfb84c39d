/** A frame of a clip looked at along a flow. */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Clip } from '../Clip';

/** Colours of frame `t` at x + factor * flow, by linear interpolation, the border repeated: red, green, blue, row by row. */
export function sampleColours(
  { width, height, pixels }: Clip,
  t: number,
  u: Float32Array,
  v: Float32Array,
  factor: number,
): Float32Array {
  const result = new Float32Array(width * height * 3);
  const start = t * width * height * 4;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const atX = Math.min(width - 1, Math.max(0, x + factor * u[i]!));
      const atY = Math.min(height - 1, Math.max(0, y + factor * v[i]!));
      const [left, top] = [Math.floor(atX), Math.floor(atY)];
      const [right, bottom] = [Math.min(width - 1, left + 1), Math.min(height - 1, top + 1)];
      const [shareX, shareY] = [atX - left, atY - top];
      for (let c = 0; c < 3; c++) {
        const at = (column: number, row: number) => pixels[start + (row * width + column) * 4 + c]!;
        const above = at(left, top) * (1 - shareX) + at(right, top) * shareX;
        const below = at(left, bottom) * (1 - shareX) + at(right, bottom) * shareX;
        result[3 * i + c] = above * (1 - shareY) + below * shareY;
      }
    }
  }
  return result;
}
