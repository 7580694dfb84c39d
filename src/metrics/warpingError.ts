/**
 * Warping error (Lai et al. 2018): what is left between a frame and the next one carried back along the optical flow,
 * where nothing is hidden. Low for a clip that stands still: read it with the motion magnitude.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Clip } from './Clip';
import { lumaFrames } from './luma';
import { type Flow, opticalFlow } from './opticalFlow';
import { pyramid } from './pyramid';
import { sampleColours } from './vbench/sampleColours';

/** `pause` is awaited between transitions. Mean over them of sum m |f_t - W(f_(t+1), F)|^2 / sum m, in squared 8-bit levels; null where all is hidden. */
export async function warpingError(clip: Clip, pause = async () => {}): Promise<number | null> {
  const { width, height, frameCount, pixels } = clip;
  const pyramids = lumaFrames(clip).map(pyramid);
  const errors: number[] = [];
  for (let t = 0; t + 1 < frameCount; t++) {
    await pause();
    const forward = opticalFlow(pyramids[t]!, pyramids[t + 1]!);
    const seen = seenInBoth(forward, opticalFlow(pyramids[t + 1]!, pyramids[t]!));
    const carried = sampleColours(clip, t + 1, forward.u, forward.v, 1);
    let [sum, count] = [0, 0];
    for (let i = 0, at = t * width * height * 4; i < width * height; i++, at += 4) {
      if (seen[i] === 0) continue;
      count++;
      for (let c = 0; c < 3; c++) sum += (carried[3 * i + c]! - pixels[at + c]!) ** 2;
    }
    if (count > 0) errors.push(sum / count);
  }
  return errors.length === 0 ? null : errors.reduce((sum, error) => sum + error, 0) / errors.length;
}

/** 0 where |Ff + Fb|^2 > .01 (|Ff|^2 + |Fb|^2) + .5, the backward flow taken where the forward one leads, or beyond the border. */
function seenInBoth({ width, height, u, v }: Flow, back: Flow): Uint8Array {
  const seen = new Uint8Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const [toX, toY] = [Math.round(x + u[i]!), Math.round(y + v[i]!)];
      if (toX < 0 || toY < 0 || toX >= width || toY >= height) continue;
      const j = toY * width + toX;
      const difference = (u[i]! + back.u[j]!) ** 2 + (v[i]! + back.v[j]!) ** 2;
      const lengths = u[i]! ** 2 + v[i]! ** 2 + back.u[j]! ** 2 + back.v[j]! ** 2;
      if (difference <= 0.01 * lengths + 0.5) seen[i] = 1;
    }
  }
  return seen;
}
