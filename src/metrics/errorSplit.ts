/**
 * The exact, additive split of an error over time, e_t = S_t - T_t, ebar = mean_t e_t:
 * mean ||e_t||^2 = ||ebar||^2 (content: what is wrong in every frame alike) + mean ||e_t - ebar||^2 (motion).
 * For frames, latents and features; all values are means over elements.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them

/** How frames lie in an array: element i of frame t in group g is at (g * frames + t) * inner + i. */
export interface FrameLayout {
  readonly groups: number;
  readonly frames: number;
  readonly inner: number;
}

export interface ErrorSplit {
  /** mean ||e_t||^2. */
  readonly total: number;
  readonly content: number;
  readonly motion: number;
  /** ||e_t - ebar||^2 of each frame; their mean is `motion`. */
  readonly motionPerFrame: readonly number[];
}

/** Splits an error that is already a difference; its length is groups * frames * inner. */
export function splitError(error: Int16Array | Float32Array | Float64Array, layout: FrameLayout): ErrorSplit {
  const { groups, frames, inner } = layout;
  const mean = meanOverFrames(error, layout);
  const motionSums = new Float64Array(frames);
  let contentSum = 0;
  let totalSum = 0;
  for (let i = 0; i < mean.length; i++) contentSum += mean[i]! * mean[i]!;
  for (let g = 0; g < groups; g++) {
    for (let t = 0; t < frames; t++) {
      const start = (g * frames + t) * inner;
      let sum = 0;
      for (let i = 0; i < inner; i++) {
        const value = error[start + i]!;
        const deviation = value - mean[g * inner + i]!;
        sum += deviation * deviation;
        totalSum += value * value;
      }
      motionSums[t]! += sum;
    }
  }
  const elements = groups * inner;
  const motionPerFrame = Array.from(motionSums, (sum) => sum / elements);
  return {
    total: totalSum / (elements * frames),
    content: contentSum / elements,
    motion: motionPerFrame.reduce((sum, value) => sum + value, 0) / frames,
    motionPerFrame,
  };
}

/** ebar, groups * inner values. */
function meanOverFrames(error: ArrayLike<number>, { groups, frames, inner }: FrameLayout): Float64Array {
  const mean = new Float64Array(groups * inner);
  for (let g = 0; g < groups; g++) {
    for (let t = 0; t < frames; t++) {
      const start = (g * frames + t) * inner;
      for (let i = 0; i < inner; i++) mean[g * inner + i]! += error[start + i]!;
    }
  }
  for (let i = 0; i < mean.length; i++) mean[i]! /= frames;
  return mean;
}

/**
 * The split for a latent clip or a block's features. BCFHW: groups = B * C, inner = H * W. BFCHW: groups = B,
 * inner = C * H * W.
 */
export function latentErrorSplit(reference: Float32Array, candidate: Float32Array, layout: FrameLayout): ErrorSplit {
  const error = new Float64Array(reference.length);
  for (let i = 0; i < error.length; i++) error[i] = candidate[i]! - reference[i]!;
  return splitError(error, layout);
}
