/**
 * What of a difference is seen: contrasts in units of the threshold, hidden by what both clips have at the same place
 * in all channels (mutual masking), and saturating.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { ContrastBand } from './contrastBands';
import type { SensitivityAt } from './contrastSensitivity';
import type { Parameters } from './parameters';
import { safePower } from './pooling';

/** Red-green contrast counts more. */
const GAIN = [1, 1.45, 1, 1] as const;

/** Visible difference by channel and pixel, of any band but the base. */
export function visibleDifference(
  { width, height, reference, candidate, logBackground }: ContrastBand,
  sensitivity: readonly SensitivityAt[],
  parameters: Parameters,
): readonly Float32Array[] {
  const { mask_p, mask_q, mask_c, pu_dilate, xcm_weights, d_max } = parameters;
  const largest = 10 ** d_max;
  const differences: Float32Array[] = [];
  const maskers = reference.map((values, channel) => {
    const other = candidate[channel]!;
    const scale = logBackground.map((light) => sensitivity[channel]!(light) * GAIN[channel]!);
    differences.push(values.map((value, i) => Math.abs(other[i]! - value) * scale[i]!));
    const mutual = values.map((value, i) => Math.min(Math.abs(value), Math.abs(other[i]!)) * scale[i]!);
    const spread = blurred(mutual, width, height, pu_dilate);
    return spread.map((value) => safePower(value * 10 ** mask_c, mask_q[channel]!));
  });
  return differences.map((difference, channel) => {
    const weights = maskers.map((_, from) => 2 ** xcm_weights[from * 4 + channel]!);
    return difference.map((value, i) => {
      let mask = 1;
      for (let from = 0; from < maskers.length; from++) mask += weights[from]! * maskers[from]![i]!;
      const seen = safePower(value, mask_p) / mask;
      return (largest * seen) / (largest + seen);
    });
  });
}

/** Of the base band nothing is masked. */
export function baseDifference(
  { reference, candidate, logBackground }: ContrastBand,
  sensitivity: readonly SensitivityAt[],
): readonly Float32Array[] {
  return reference.map((values, channel) =>
    values.map((value, i) => Math.abs(candidate[channel]![i]! - value) * sensitivity[channel]!(logBackground[i]!)),
  );
}

/** Gaussian of 4 sigma + 1 taps, borders reflected; a plane no larger than half of that stays as it is. */
function blurred(values: Float32Array, width: number, height: number, sigma: number): Float32Array {
  const reach = 2 * sigma;
  if (sigma === 0 || width <= reach || height <= reach) return values;
  const taps = Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-0.5 * ((k - reach) / sigma) ** 2));
  const total = taps.reduce((sum, tap) => sum + tap, 0);
  const kernel = taps.map((tap) => tap / total);
  const rows = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = -reach; k <= reach; k++) sum += kernel[k + reach]! * values[y * width + reflected(x + k, width)]!;
      rows[y * width + x] = sum;
    }
  }
  const result = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let k = -reach; k <= reach; k++) {
      const [from, weight] = [reflected(y + k, height) * width, kernel[k + reach]!];
      for (let x = 0; x < width; x++) result[y * width + x]! += weight * rows[from + x]!;
    }
  }
  return result;
}

/** Without repeating the border pixel. */
function reflected(place: number, size: number): number {
  if (place < 0) return -place;
  return place < size ? place : 2 * size - 2 - place;
}
