/**
 * A picture as a model takes it: cropped around its middle to the wanted aspect, scaled (each pixel the triangle-weighted
 * mean of those it covers, as Pillow's bilinear filter), in -1..1 by channel. It reads no files; pixels come decoded.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them

export interface PicturePixels {
  readonly width: number;
  readonly height: number;
  /** RGBA, 8 bits, width * height * 4 bytes; transparency stands on white. */
  readonly pixels: Uint8ClampedArray;
}

/** [3, height, width] in -1..1. A picture that has the size already comes out exact. */
export function pictureTensor(picture: PicturePixels, width: number, height: number): Float32Array {
  const scale = Math.min(picture.width / width, picture.height / height);
  const left = (picture.width - width * scale) / 2;
  const top = (picture.height - height * scale) / 2;
  const columns = weightsAlong(width, scale, left, picture.width);
  const rows = weightsAlong(height, scale, top, picture.height);
  const across = new Float64Array(3 * picture.height * width);
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < picture.height; y++) {
      columns.forEach(({ first, weights }, x) => {
        let sum = 0;
        weights.forEach((weight, i) => (sum += weight * colourAt(picture, first + i, y, channel)));
        across[(channel * picture.height + y) * width + x] = sum;
      });
    }
  }
  const values = new Float32Array(3 * height * width);
  for (let channel = 0; channel < 3; channel++) {
    rows.forEach(({ first, weights }, y) => {
      for (let x = 0; x < width; x++) {
        let sum = 0;
        weights.forEach((weight, i) => (sum += weight * across[(channel * picture.height + first + i) * width + x]!));
        values[(channel * height + y) * width + x] = sum / 127.5 - 1;
      }
    });
  }
  return values;
}

function colourAt({ pixels, width }: PicturePixels, x: number, y: number, channel: number): number {
  const at = (y * width + x) * 4;
  const alpha = pixels[at + 3]! / 255;
  return pixels[at + channel]! * alpha + 255 * (1 - alpha);
}

interface Weights {
  readonly first: number;
  readonly weights: readonly number[];
}

/** For each of `count` target pixels, the source pixels that it is a mean of. */
function weightsAlong(count: number, scale: number, offset: number, size: number): Weights[] {
  const reach = Math.max(1, scale);
  return Array.from({ length: count }, (_, target) => {
    const centre = offset + (target + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach));
    const end = Math.min(size, Math.ceil(centre + reach));
    const raw = Array.from({ length: end - first }, (_, i) =>
      Math.max(0, 1 - Math.abs(first + i + 0.5 - centre) / reach),
    );
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: raw.map((weight) => weight / total) };
  });
}
