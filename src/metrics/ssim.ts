/**
 * Structural similarity (Wang et al. 2004) on luma: 11x11 Gaussian window, sigma 1.5, C1 = (0.01 * 255)^2,
 * C2 = (0.03 * 255)^2, mean over the windows that lie wholly inside the frame. Not multi-scale.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Plane } from './luma';

const windowSize = 11;
const sigma = 1.5;
const c1 = (0.01 * 255) ** 2;
const c2 = (0.03 * 255) ** 2;

/**
 * -1..1; 1 for equal planes. Planes must have one size. A frame smaller than the window (latents shown as
 * they are) takes the largest odd window that fits.
 */
export function ssim(a: Plane, b: Plane): number {
  const size = Math.min(windowSize, largestOdd(a.width), largestOdd(a.height));
  const kernel = gaussianKernel(size);
  const mean = (value: (i: number) => number) => blurValid(value, a.width, a.height, kernel);
  const x = a.values;
  const y = b.values;
  const mx = mean((i) => x[i]!);
  const my = mean((i) => y[i]!);
  const mxx = mean((i) => x[i]! * x[i]!);
  const myy = mean((i) => y[i]! * y[i]!);
  const mxy = mean((i) => x[i]! * y[i]!);
  let sum = 0;
  for (let i = 0; i < mx.length; i++) {
    const ux = mx[i]!;
    const uy = my[i]!;
    const covariance = mxy[i]! - ux * uy;
    const variances = mxx[i]! - ux * ux + (myy[i]! - uy * uy);
    sum += ((2 * ux * uy + c1) * (2 * covariance + c2)) / ((ux * ux + uy * uy + c1) * (variances + c2));
  }
  return sum / mx.length;
}

const largestOdd = (length: number) => (length % 2 === 1 ? length : length - 1) || 1;

/** Normalised to sum 1; `size` is odd. */
function gaussianKernel(size: number): Float64Array {
  const radius = (size - 1) / 2;
  const weights = Float64Array.from({ length: size }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Separable correlation, only where the window lies inside: (height - size + 1) x (width - size + 1) values. */
function blurValid(value: (i: number) => number, width: number, height: number, kernel: Float64Array): Float64Array {
  const columns = width - kernel.length + 1;
  const rows = height - kernel.length + 1;
  const image = new Float64Array(width * height);
  for (let i = 0; i < image.length; i++) image[i] = value(i);
  const horizontal = new Float64Array(columns * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < columns; x++) {
      let sum = 0;
      for (let k = 0; k < kernel.length; k++) sum += kernel[k]! * image[y * width + x + k]!;
      horizontal[y * columns + x] = sum;
    }
  }
  const blurred = new Float64Array(columns * rows);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      let sum = 0;
      for (let k = 0; k < kernel.length; k++) sum += kernel[k]! * horizontal[(y + k) * columns + x]!;
      blurred[y * columns + x] = sum;
    }
  }
  return blurred;
}
