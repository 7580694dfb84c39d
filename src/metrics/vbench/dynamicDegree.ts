/**
 * VBench's dynamic degree: whether enough pairs of frames move far. VBench takes RAFT's flow at eight frames a second;
 * with another flow it is a proxy. How far a pair moves is `motionMagnitude`'s: the mean of the largest 5 % of vectors.
 */

/** VBench's threshold, in pixels of 256 lines. */
const FAR_PIXELS = 6;
const FRAMES_PER_SECOND = 8;

/** The frames that are looked at: every so many that about eight a second are left. */
export function framesLookedAt(frameCount: number, framesPerSecond: number): readonly number[] {
  const every = Math.max(1, Math.round(framesPerSecond / FRAMES_PER_SECOND));
  return Array.from({ length: Math.ceil(frameCount / every) }, (_, index) => index * every);
}

/**
 * `magnitudes`: of each pair of neighbours among the frames looked at, in pixels at 256 lines. At least round(4 N / 16)
 * pairs, and one in any case, above 6 max(1, 8 / fps): slower clips move further between two frames.
 */
export function dynamicDegree(magnitudes: readonly number[], frames: number, framesPerSecond: number): boolean {
  const threshold = FAR_PIXELS * Math.max(1, FRAMES_PER_SECOND / framesPerSecond);
  const far = magnitudes.filter((magnitude) => magnitude > threshold).length;
  return far >= Math.max(1, roundedAsPython((4 * frames) / 16));
}

/** Halves go to the even neighbour, as where VBench counts. */
function roundedAsPython(value: number): number {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}
