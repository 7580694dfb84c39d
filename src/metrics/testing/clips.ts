/** Clips drawn by formula, for the tests of the metrics. */
import type { Clip } from '../Clip';

export type Colour = readonly [red: number, green: number, blue: number];

/** Values are rounded and clamped to 0..255. */
export function drawClip(
  frameCount: number,
  width: number,
  height: number,
  colour: (x: number, y: number, t: number) => Colour,
): Clip {
  const pixels = new Uint8ClampedArray(frameCount * width * height * 4);
  for (let t = 0, p = 0; t < frameCount; t++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, p += 4) {
        const [red, green, blue] = colour(x, y, t);
        pixels[p] = red;
        pixels[p + 1] = green;
        pixels[p + 2] = blue;
        pixels[p + 3] = 255;
      }
    }
  }
  return { frameCount, width, height, pixels };
}

export const grey = (value: number): Colour => [value, value, value];

/** Smooth, textured in both directions, defined between pixels too. */
export const texture = (x: number, y: number): number =>
  128 +
  40 * Math.sin(x * 0.31 + y * 0.17) +
  30 * Math.sin(-x * 0.13 + y * 0.41 + 1) +
  25 * Math.sin(x * 0.7 + 2) * Math.sin(y * 0.57);

/** 0..1 inside a disc around (cx, cy), its edge one pixel soft. */
export const disc = (x: number, y: number, cx: number, cy: number, radius: number): number =>
  Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(x - cx, y - cy)));
