/**
 * The four channels of vision over time: luminance, red-green and yellow-violet as they last, and luminance as it
 * changes. Filters look back a quarter of a second; before the first frame there is the first frame.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Plane } from '../luma';
import type { OpponentFrame } from './opponentFrames';
import type { Parameters } from './parameters';

/** Hz at which the transient channel is most sensitive. */
const TRANSIENT_HZ = 5;

/** One filter for each channel, of one odd length, symmetric. */
export function temporalFilters({ sigma_tf, beta_tf }: Parameters, framesPerSecond: number): readonly Float64Array[] {
  const length = Math.ceil((0.25 * framesPerSecond) / 2) * 2 + 1;
  const half = (length - 1) / 2;
  return sigma_tf.map((sigma, channel) => {
    const beta = beta_tf[channel]!;
    const response = Float64Array.from({ length: half + 1 }, (_, k) => {
      const hertz = half === 0 ? 0 : (k * framesPerSecond) / 2 / half;
      const isTransient = channel === 3;
      return Math.exp(-(isTransient ? (hertz ** beta - TRANSIENT_HZ ** beta) ** 2 : hertz ** beta) / sigma);
    });
    return Float64Array.from({ length }, (_, i) => inverseTransform(response, length, i - half));
  });
}

/** Of a real, even spectrum of which the first half is given. */
function inverseTransform(response: Float64Array, length: number, at: number): number {
  let sum = response[0]!;
  for (let k = 1; k < response.length; k++) sum += 2 * response[k]! * Math.cos((2 * Math.PI * k * at) / length);
  return sum / length;
}

/** The filtered channels of the last of `frames`; the ones before the first are that first one. */
export function filterOverTime(
  frames: readonly OpponentFrame[],
  last: number,
  filters: readonly Float64Array[],
): readonly Plane[] {
  return filters.map((filter, channel) => {
    const colour = channel === 3 ? 0 : channel;
    const { width, height } = frames[0]![0];
    const values = new Float32Array(width * height);
    filter.forEach((weight, k) => {
      const source = frames[Math.max(0, last - filter.length + 1 + k)]![colour]!.values;
      for (let i = 0; i < values.length; i++) values[i]! += weight * source[i]!;
    });
    return { width, height, values };
  });
}
