/**
 * Motion delta: mean ||dS_t - dT_t||^2 / mean ||dT_t||^2, d the difference of neighbouring frames. 0: every
 * change from frame to frame is the reference's; 1: as far off as a still clip.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Clip } from './Clip';
import type { ClipError } from './clipError';

/** Squared 8-bit levels; rounding alone gives the difference of two frames a variance of 2/12. */
const nearStatic = 0.25;

/** `null` for a reference that hardly changes (mean ||dT||^2 below a quarter of a squared level), and for one frame. */
export function motionDelta(reference: Clip, error: ClipError): number | null {
  const transitions = error.frames - 1;
  if (transitions < 1) return null;
  const referenceChange = meanSquaredChange(reference);
  if (referenceChange < nearStatic) return null;
  // dS - dT is the change of the error from frame to frame
  let sum = 0;
  for (let i = 0, end = transitions * error.frameLength; i < end; i++) {
    const change = error.values[i + error.frameLength]! - error.values[i]!;
    sum += change * change;
  }
  return sum / (transitions * error.frameLength) / referenceChange;
}

/** mean ||d_t||^2 over red, green and blue. */
function meanSquaredChange(clip: Clip): number {
  const stride = clip.height * clip.width * 4;
  const end = (clip.frameCount - 1) * stride;
  let sum = 0;
  for (let i = 0; i < end; i++) {
    if (i % 4 === 3) continue;
    const change = clip.pixels[i + stride]! - clip.pixels[i]!;
    sum += change * change;
  }
  return sum / ((end / 4) * 3);
}
