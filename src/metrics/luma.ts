/** Luma planes of a clip: what SSIM and optical flow look at. */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Clip } from './Clip';

/** A single-channel image, row-major. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** ITU-R BT.601 luma, Y' = 0.299 R' + 0.587 G' + 0.114 B', in 8-bit levels and not rounded (as in Wang's SSIM). */
export function lumaFrames(clip: Clip): Plane[] {
  const { frameCount, width, height, pixels } = clip;
  return Array.from({ length: frameCount }, (_, t) => {
    const values = new Float32Array(width * height);
    for (let i = 0, p = t * width * height * 4; i < values.length; i++, p += 4) {
      values[i] = 0.299 * pixels[p]! + 0.587 * pixels[p + 1]! + 0.114 * pixels[p + 2]!;
    }
    return { width, height, values };
  });
}
