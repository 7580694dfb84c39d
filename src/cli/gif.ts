/** A clip as an animated GIF that loops for ever: at most 256 colours, chosen for the clip as a whole. */
import { createRequire } from 'node:module';
import type { Clip } from '../metrics/Clip';

// gifenc's entry for Node is CommonJS, whose names an `import` finds or misses depending on who loads it
const { GIFEncoder, applyPalette, quantize } = createRequire(import.meta.url)('gifenc') as typeof import('gifenc');

/** `scale`: whole number of times each pixel is repeated in both directions (nearest neighbour). */
export function encodeGif(clip: Clip, framesPerSecond: number, scale: number): Uint8Array {
  const { frameCount, width, height, pixels } = clip;
  // gifenc reads the whole buffer under an array, so it is given copies, never views
  // one palette for all frames, so that still parts do not shimmer
  const palette = quantize(pixels.slice(), 256);
  const encoder = GIFEncoder();
  for (let t = 0; t < frameCount; t++) {
    const frame = pixels.slice(t * width * height * 4, (t + 1) * width * height * 4);
    const index = enlarge(applyPalette(frame, palette), width, height, scale);
    const delay = Math.round(1000 / framesPerSecond);
    encoder.writeFrame(index, width * scale, height * scale, t === 0 ? { palette, delay, repeat: 0 } : { delay });
  }
  encoder.finish();
  return encoder.bytes();
}

function enlarge(index: Uint8Array, width: number, height: number, scale: number): Uint8Array {
  if (scale === 1) return index;
  const enlarged = new Uint8Array(index.length * scale * scale);
  for (let y = 0, to = 0; y < height * scale; y++) {
    const row = Math.floor(y / scale) * width;
    // biome-ignore lint/style/noNonNullAssertion: a loop over all pixels, which stays within them
    for (let x = 0; x < width * scale; x++, to++) enlarged[to] = index[row + Math.floor(x / scale)]!;
  }
  return enlarged;
}
