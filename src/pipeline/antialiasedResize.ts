/**
 * The resize before SVD's image encoder, as diffusers' StableVideoDiffusionPipeline has it (`_resize_with_antialiasing`):
 * a Gaussian blur where the picture shrinks, reflected at the edges, then bicubic interpolation (a = -0.75) whose corner
 * pixels are the picture's corners. The aspect is not kept.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them

/** [channels, height, width] to [channels, size, size]. */
export function antialiasedResize(
  values: Float32Array,
  channels: number,
  { width, height }: { readonly width: number; readonly height: number },
  size: number,
): Float32Array {
  const [down, across] = [axis(height, size), axis(width, size)];
  const resized = new Float32Array(channels * size * size);
  const rows = new Float64Array(size * width);
  for (let channel = 0; channel < channels; channel++) {
    const start = channel * height * width;
    for (let x = 0; x < width; x++)
      for (let y = 0; y < size; y++) rows[y * width + x] = mixed(down[y]!, (at) => values[start + at * width + x]!);
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++)
        resized[(channel * size + y) * size + x] = mixed(across[x]!, (at) => rows[y * width + at]!);
  }
  return resized;
}

/** Source positions and their weights, for one target position. */
type Mixture = ReadonlyMap<number, number>;

function mixed(mixture: Mixture, valueAt: (at: number) => number): number {
  let sum = 0;
  for (const [at, weight] of mixture) sum += weight * valueAt(at);
  return sum;
}

/** Blur and interpolation along one axis, of `count` values to `size`. */
function axis(count: number, size: number): readonly Mixture[] {
  const kernel = gaussian(count / size);
  const reach = kernel.length >> 1;
  return Array.from({ length: size }, (_, target) => {
    const position = size > 1 ? (target * (count - 1)) / (size - 1) : 0;
    const first = Math.floor(position);
    const mixture = new Map<number, number>();
    cubicWeights(position - first).forEach((cubic, tap) => {
      const centre = Math.min(count - 1, Math.max(0, first - 1 + tap));
      kernel.forEach((blur, offset) => {
        const at = reflected(centre + offset - reach, count);
        mixture.set(at, (mixture.get(at) ?? 0) + cubic * blur);
      });
    });
    return mixture;
  });
}

/** `factor`: how many source values a target one covers. */
function gaussian(factor: number): readonly number[] {
  const sigma = Math.max((factor - 1) / 2, 0.001);
  const length = Math.trunc(Math.max(4 * sigma, 3));
  const odd = length % 2 === 0 ? length + 1 : length;
  const raw = Array.from({ length: odd }, (_, i) => Math.exp(-((i - (odd >> 1)) ** 2) / (2 * sigma ** 2)));
  const total = raw.reduce((sum, value) => sum + value, 0);
  return raw.map((value) => value / total);
}

/** The mirror is the edge pixel itself. */
function reflected(at: number, count: number): number {
  if (count === 1) return 0;
  const period = 2 * (count - 1);
  const place = ((at % period) + period) % period;
  return place < count ? place : period - place;
}

/** Keys' cubic convolution with a = -0.75, of the four neighbours. */
function cubicWeights(t: number): readonly number[] {
  const a = -0.75;
  const near = (x: number) => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [far(t + 1), near(t), near(1 - t), far(2 - t)];
}
