/**
 * Dense optical flow by pyramidal, iterative Lucas-Kanade (Lucas & Kanade 1981; Bouguet 2000) with a Gaussian
 * window and Tikhonov damping. Where standing still explains the window as well as the flow found, the flow is
 * zero: flat regions and still backgrounds do not inherit their neighbours' motion. Not a learned flow (RAFT).
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Plane } from './luma';

/** Per pixel, row-major, in pixels: content at (x, y) of the first plane is at (x + u, y + v) of the second. */
export interface Flow {
  readonly width: number;
  readonly height: number;
  readonly u: Float32Array;
  readonly v: Float32Array;
}

const windowRadius = 4;
const windowSigma = 2;
const iterations = 3;
/** Added to the structure tensor's diagonal, in squared levels per pixel: what a gradient must exceed to count. */
const damping = 1;
/** One iteration moves no further than this, in pixels of its level. */
const largestUpdate = 1;
/** How much better (mean squared levels in the window) a moving explanation must be than standing still. */
const stillMargin = 0.25;

/** From one plane's pyramid to another's, both of one size (see `pyramid`). Equal planes give exactly zero. */
export function opticalFlow(from: readonly Plane[], to: readonly Plane[]): Flow {
  let flow: Flow | undefined;
  for (let level = from.length - 1; level >= 0; level--) {
    const { width, height } = from[level]!;
    flow = refine(from[level]!, to[level]!, flow === undefined ? still(width, height) : enlarge(flow, width, height));
  }
  return withoutUnfoundedMotion(from[0]!, to[0]!, flow!);
}

const still = (width: number, height: number): Flow => ({
  width,
  height,
  u: new Float32Array(width * height),
  v: new Float32Array(width * height),
});

/** Gauss-Newton steps of one level, starting from `start`, whose arrays are changed and returned. */
function refine(from: Plane, to: Plane, start: Flow): Flow {
  const { width, height } = from;
  const { gx, gy } = gradients(from);
  const windowSum = (a: Float32Array, b: Float32Array) => smooth(product(a, b), width, height);
  const xx = windowSum(gx, gx);
  const xy = windowSum(gx, gy);
  const yy = windowSum(gy, gy);
  const { u, v } = start;
  for (let iteration = 0; iteration < iterations; iteration++) {
    const change = warpedDifference(from, to, start);
    const bx = windowSum(change, gx);
    const by = windowSum(change, gy);
    for (let i = 0; i < u.length; i++) {
      const a = xx[i]! + damping;
      const b = xy[i]!;
      const d = yy[i]! + damping;
      const determinant = a * d - b * b;
      u[i] = u[i]! - clampUpdate((d * bx[i]! - b * by[i]!) / determinant);
      v[i] = v[i]! - clampUpdate((a * by[i]! - b * bx[i]!) / determinant);
    }
  }
  return start;
}

function product(a: Float32Array, b: Float32Array): Float32Array {
  const values = new Float32Array(a.length);
  for (let i = 0; i < values.length; i++) values[i] = a[i]! * b[i]!;
  return values;
}

const clampUpdate = (update: number) => Math.min(Math.max(update, -largestUpdate), largestUpdate);

/** Central differences; the border pixel repeats. */
function gradients({ width, height, values }: Plane): { gx: Float32Array; gy: Float32Array } {
  const gx = new Float32Array(values.length);
  const gy = new Float32Array(values.length);
  for (let y = 0, i = 0; y < height; y++) {
    const up = y === 0 ? 0 : width;
    const down = y === height - 1 ? 0 : width;
    for (let x = 0; x < width; x++, i++) {
      gx[i] = (values[x === width - 1 ? i : i + 1]! - values[x === 0 ? i : i - 1]!) / 2;
      gy[i] = (values[i + down]! - values[i - up]!) / 2;
    }
  }
  return { gx, gy };
}

/** to(x + u, y + v) - from(x, y); 0 where the flow leaves the frame, since nothing is known there. */
function warpedDifference(from: Plane, to: Plane, { u, v }: Flow): Float32Array {
  const { width, height, values } = from;
  const difference = new Float32Array(values.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const px = x + u[i]!;
      const py = y + v[i]!;
      if (!(px >= 0 && py >= 0 && px <= width - 1 && py <= height - 1)) continue;
      difference[i] = sample(to, px, py) - values[i]!;
    }
  }
  return difference;
}

/**
 * Catmull-Rom at a position inside the plane; the border pixel repeats. Linear interpolation blurs at half-pixel
 * positions and makes the flow of fine texture ten times less exact.
 */
function sample({ width, height, values }: Plane, px: number, py: number): number {
  const x = px | 0;
  const y = py | 0;
  const fx = px - x;
  const fy = py - y;
  const left = x > 0 ? -1 : 0;
  const right = x < width - 1 ? 1 : 0;
  const farRight = x < width - 2 ? 2 : right;
  const a = ((-0.5 * fx + 1) * fx - 0.5) * fx;
  const b = (1.5 * fx - 2.5) * fx * fx + 1;
  const c = ((-1.5 * fx + 2) * fx + 0.5) * fx;
  const d = (0.5 * fx - 0.5) * fx * fx;
  const line = (i: number) =>
    a * values[i + left]! + b * values[i]! + c * values[i + right]! + d * values[i + farRight]!;
  const i = y * width + x;
  const up = y > 0 ? -width : 0;
  const down = y < height - 1 ? width : 0;
  const farDown = y < height - 2 ? 2 * width : down;
  return (
    ((-0.5 * fy + 1) * fy - 0.5) * fy * line(i + up) +
    ((1.5 * fy - 2.5) * fy * fy + 1) * line(i) +
    ((-1.5 * fy + 2) * fy + 0.5) * fy * line(i + down) +
    (0.5 * fy - 0.5) * fy * fy * line(i + farDown)
  );
}

/** A flow of half the size, its vectors doubled, read between its pixels. */
function enlarge(flow: Flow, width: number, height: number): Flow {
  const enlarged = still(width, height);
  for (let y = 0, i = 0; y < height; y++) {
    const y0 = y >> 1;
    const y1 = Math.min(y0 + (y & 1), flow.height - 1);
    for (let x = 0; x < width; x++, i++) {
      const x0 = x >> 1;
      const x1 = Math.min(x0 + (x & 1), flow.width - 1);
      const a = y0 * flow.width + x0;
      const b = y0 * flow.width + x1;
      const c = y1 * flow.width + x0;
      const d = y1 * flow.width + x1;
      // twice the mean of the four coarse neighbours (which coincide at even coordinates)
      enlarged.u[i] = (flow.u[a]! + flow.u[b]! + flow.u[c]! + flow.u[d]!) / 2;
      enlarged.v[i] = (flow.v[a]! + flow.v[b]! + flow.v[c]! + flow.v[d]!) / 2;
    }
  }
  return enlarged;
}

/** Zero where the window's mean squared difference without motion is within `stillMargin` of that with it. */
function withoutUnfoundedMotion(from: Plane, to: Plane, flow: Flow): Flow {
  const { width, height } = from;
  const windowMean = (difference: Float32Array) => smooth(product(difference, difference), width, height);
  const unmoved = windowMean(warpedDifference(from, to, still(width, height)));
  const moved = windowMean(warpedDifference(from, to, flow));
  for (let i = 0; i < unmoved.length; i++) {
    if (unmoved[i]! - moved[i]! >= stillMargin) continue;
    flow.u[i] = 0;
    flow.v[i] = 0;
  }
  return flow;
}

const windowWeights = (() => {
  const weights = Array.from({ length: windowRadius + 1 }, (_, i) =>
    Math.exp(-(i * i) / (2 * windowSigma * windowSigma)),
  );
  const sum = weights.reduce((total, weight, i) => total + (i === 0 ? weight : 2 * weight), 0);
  return weights.map((weight) => weight / sum);
})();

/** Gaussian window sums, separable; nothing outside the image counts. */
function smooth(values: Float32Array, width: number, height: number): Float32Array {
  const [w0, w1, w2, w3, w4] = windowWeights as [number, number, number, number, number];
  const stride = width + 2 * windowRadius;
  // one row of the image with zeros on both sides, then the image with rows of zeros above and below
  const row = new Float32Array(stride);
  const rows = new Float32Array(width * (height + 2 * windowRadius));
  for (let y = 0; y < height; y++) {
    row.set(values.subarray(y * width, (y + 1) * width), windowRadius);
    const start = (y + windowRadius) * width;
    for (let x = 0; x < width; x++) {
      rows[start + x] =
        w4 * (row[x]! + row[x + 8]!) +
        w3 * (row[x + 1]! + row[x + 7]!) +
        w2 * (row[x + 2]! + row[x + 6]!) +
        w1 * (row[x + 3]! + row[x + 5]!) +
        w0 * row[x + 4]!;
    }
  }
  const smoothed = new Float32Array(values.length);
  for (let i = 0; i < smoothed.length; i++) {
    smoothed[i] =
      w4 * (rows[i]! + rows[i + 8 * width]!) +
      w3 * (rows[i + width]! + rows[i + 7 * width]!) +
      w2 * (rows[i + 2 * width]! + rows[i + 6 * width]!) +
      w1 * (rows[i + 3 * width]! + rows[i + 5 * width]!) +
      w0 * rows[i + 4 * width]!;
  }
  return smoothed;
}
