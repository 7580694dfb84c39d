/**
 * VBench's motion smoothness: how well each odd frame is foretold from its two neighbours. VBench foretells it with the
 * interpolation model AMT-S; halfway along the optical flow, as here where no model is given, it is a proxy.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Clip } from '../Clip';
import type { Plane } from '../luma';
import { lumaFrames } from '../luma';
import { opticalFlow } from '../opticalFlow';
import { pyramid } from '../pyramid';
import { sampleColours } from './sampleColours';

/** Frame t + 1 foretold from t and t + 2: red, green, blue, row by row, in 8-bit levels. */
export type Midpoint = (clip: Clip, t: number) => ArrayLike<number> | Promise<ArrayLike<number>>;

/** (255 - mean |foretold - frame|) / 255 over the odd frames; 1 for fewer than three frames. */
export async function motionSmoothness(clip: Clip, midpoint: Midpoint = warpedMidpoint(clip)): Promise<number> {
  const { frameCount, height, width, pixels } = clip;
  const errors: number[] = [];
  for (let t = 0; t + 2 < frameCount; t += 2) {
    const foretold = await midpoint(clip, t);
    let sum = 0;
    for (let i = 0, at = (t + 1) * height * width * 4; i < height * width; i++, at += 4)
      for (let c = 0; c < 3; c++) sum += Math.abs(foretold[3 * i + c]! - pixels[at + c]!);
    errors.push(sum / (height * width * 3));
  }
  if (errors.length === 0) return 1;
  return (255 - errors.reduce((sum, error) => sum + error, 0) / errors.length) / 255;
}

/** Both neighbours, each half the flow on: f_t at x - F/2 and f_(t+2) at x + F/2, averaged. */
export function warpedMidpoint(clip: Clip): Midpoint {
  const planes: readonly Plane[] = lumaFrames(clip);
  return (_, t) => {
    const { u, v } = opticalFlow(pyramid(planes[t]!), pyramid(planes[t + 2]!));
    const before = sampleColours(clip, t, u, v, -0.5);
    const after = sampleColours(clip, t + 2, u, v, 0.5);
    return before.map((value, i) => (value + after[i]!) / 2);
  };
}
