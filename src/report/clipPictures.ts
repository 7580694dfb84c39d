/** A clip as a report shows it: small enough for one file, and some of its frames in a row for paper. */
import type { Clip } from '../metrics/Clip';

/** Pixels of all frames of all clips together that a report of five megabytes holds. */
const PIXELS = 2_600_000;

/** By which whole number all clips of a report are made smaller. */
export function shrinkFor(clips: readonly Clip[]): number {
  const pixels = clips.reduce((sum, { frameCount, width, height }) => sum + frameCount * width * height, 0);
  return Math.max(1, Math.ceil(Math.sqrt(pixels / PIXELS)));
}

/** Mean colours of squares of `factor` pixels; what does not fill one at the right and below is left out. */
export function shrunk(clip: Clip, factor: number): Clip {
  if (factor === 1) return clip;
  const [width, height] = [Math.floor(clip.width / factor), Math.floor(clip.height / factor)];
  const pixels = new Uint8ClampedArray(clip.frameCount * width * height * 4);
  for (let t = 0, to = 0; t < clip.frameCount; t++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let c = 0; c < 4; c++, to++) {
          let sum = 0;
          for (let dy = 0; dy < factor; dy++) {
            const from = ((t * clip.height + y * factor + dy) * clip.width + x * factor) * 4 + c;
            // biome-ignore lint/style/noNonNullAssertion: a loop over all pixels, which stays within them
            for (let dx = 0; dx < factor; dx++) sum += clip.pixels[from + dx * 4]!;
          }
          pixels[to] = sum / factor ** 2;
        }
      }
    }
  }
  return { frameCount: clip.frameCount, width, height, pixels };
}

/** Up to `count` frames, evenly spread with the first and the last, side by side in one frame. */
export function filmstrip({ frameCount, width, height, pixels }: Clip, count: number): Clip {
  const shown = Math.min(count, frameCount);
  const frames = Array.from({ length: shown }, (_, i) => Math.round((i * (frameCount - 1)) / Math.max(1, shown - 1)));
  const strip = new Uint8ClampedArray(shown * width * height * 4);
  frames.forEach((frame, i) => {
    for (let y = 0; y < height; y++) {
      const from = (frame * height + y) * width * 4;
      strip.set(pixels.subarray(from, from + width * 4), (y * shown + i) * width * 4);
    }
  });
  return { frameCount: 1, width: shown * width, height, pixels: strip };
}
