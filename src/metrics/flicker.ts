/**
 * VBench's temporal flickering score: (255 - mean_t MAE(f_t, f_(t+1))) / 255, higher is steadier. Meant for
 * static clips: a frozen clip scores 1, so it is shown with the motion magnitude beside it.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Clip } from './Clip';

/** (255 - MAE) / 255 of each transition, over red, green and blue. */
export function flickerPerTransition(clip: Clip): number[] {
  const stride = clip.height * clip.width * 4;
  return Array.from({ length: clip.frameCount - 1 }, (_, t) => {
    let sum = 0;
    for (let i = t * stride, end = i + stride; i < end; i += 4) {
      for (let c = 0; c < 3; c++) sum += Math.abs(clip.pixels[i + stride + c]! - clip.pixels[i + c]!);
    }
    return (255 - sum / ((stride / 4) * 3)) / 255;
  });
}

/** The clip's score; a single frame is perfectly steady. */
export function flickerScore(perTransition: readonly number[]): number {
  if (perTransition.length === 0) return 1;
  return perTransition.reduce((sum, value) => sum + value, 0) / perTransition.length;
}
