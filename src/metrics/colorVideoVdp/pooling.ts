/** From differences to one number: norms over pixels, bands, channels and frames, and the scale of just-objectionable differences. */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Parameters } from './parameters';

const EPSILON = 1e-5;

/** x^p for x >= 0 with a finite slope at 0, as the metric was calibrated with. */
export const safePower = (x: number, p: number): number => (x + EPSILON) ** p - EPSILON ** p;

/** (sum x^p)^(1/p), or of the mean. */
export function norm(values: ArrayLike<number>, p: number, over: 'sum' | 'mean'): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += safePower(values[i]!, p);
  return safePower(over === 'mean' ? sum / values.length : sum, 1 / p);
}

/** `differences[frame][channel][band]` to JOD: 10 is no visible difference. */
export function pooledJod(differences: readonly (readonly (readonly number[])[])[], parameters: Parameters): number {
  const { beta_sch, beta_tch, beta_t, ch_chrom_w, ch_trans_w, baseband_weight, image_int } = parameters;
  const channelWeights = [1, ch_chrom_w, ch_chrom_w, ch_trans_w];
  const perFrame = differences.map((channels) => {
    const perChannel = channels.map((bands, channel) => {
      const weighted = bands.map((value, band) => {
        const isBase = band === bands.length - 1;
        return value * channelWeights[channel]! * (isBase ? baseband_weight[channel]! : 1);
      });
      return norm(weighted, beta_sch, 'sum');
    });
    return norm(perChannel, beta_tch, 'sum');
  });
  return jodOf(perFrame.length === 1 ? perFrame[0]! * image_int : norm(perFrame, beta_t, 'mean'), parameters);
}

/** Below this difference the scale is a straight line. */
const LINEAR = 0.1;

function jodOf(difference: number, { jod_a, jod_exp }: Parameters): number {
  if (difference <= LINEAR) return 10 - jod_a * LINEAR ** (jod_exp - 1) * difference;
  return 10 - jod_a * difference ** jod_exp;
}
