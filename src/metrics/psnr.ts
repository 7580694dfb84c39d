/** Peak signal-to-noise ratio of 8-bit frames: 10 log10(255^2 / MSE). */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { ClipError } from './clipError';

/** dB; Infinity for a mean squared error of 0, which is to be shown as "identical". */
export function psnr(meanSquaredError: number): number {
  return meanSquaredError === 0 ? Infinity : 10 * Math.log10((255 * 255) / meanSquaredError);
}

/** One value per frame, over red, green and blue together. */
export function psnrPerFrame(error: ClipError): number[] {
  return Array.from({ length: error.frames }, (_, t) => {
    let sum = 0;
    for (let i = t * error.frameLength, end = i + error.frameLength; i < end; i++)
      sum += error.values[i]! * error.values[i]!;
    return psnr(sum / error.frameLength);
  });
}
