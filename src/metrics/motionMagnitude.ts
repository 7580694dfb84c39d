/**
 * Motion magnitude: the mean of the largest 5 % of ||F_t||, divided by min(H, W) / 256. A proxy of VBench's
 * dynamic degree, which takes RAFT's flow: the numbers are not comparable with VBench's.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Clip } from './Clip';
import type { Flow } from './opticalFlow';

const share = 0.05;

/** One value per flow, in pixels at 256 lines. */
export function motionMagnitudePerTransition(clip: Clip, flows: readonly Flow[]): number[] {
  const scale = Math.min(clip.height, clip.width) / 256;
  return flows.map((flow) => largestMean(flow) / scale);
}

function largestMean({ u, v }: Flow): number {
  const magnitudes = u.map((x, i) => Math.sqrt(x * x + v[i]! * v[i]!)).sort();
  const largest = magnitudes.subarray(-Math.max(1, Math.round(magnitudes.length * share)));
  return largest.reduce((sum, magnitude) => sum + magnitude, 0) / largest.length;
}

/** The clip's value: the mean over its transitions; 0 for a single frame. */
export function motionMagnitude(perTransition: readonly number[]): number {
  if (perTransition.length === 0) return 0;
  return perTransition.reduce((sum, value) => sum + value, 0) / perTransition.length;
}
