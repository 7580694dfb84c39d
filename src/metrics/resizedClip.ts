/** A clip at the size that a model takes: frames picked evenly, pixels interpolated linearly (half-pixel centres). */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Clip } from './Clip';

export function resizedClip(
  clip: Clip,
  { frameCount, height, width }: Pick<Clip, 'frameCount' | 'height' | 'width'>,
): Clip {
  if (clip.frameCount === frameCount && clip.height === height && clip.width === width) return clip;
  const pixels = new Uint8ClampedArray(frameCount * height * width * 4);
  const [rows, columns] = [places(height, clip.height), places(width, clip.width)];
  for (let t = 0, to = 0; t < frameCount; t++) {
    const source = frameCount === 1 ? 0 : Math.round((t * (clip.frameCount - 1)) / (frameCount - 1));
    const frame = source * clip.height * clip.width * 4;
    for (const { low: y0, high: y1, share: down } of rows) {
      for (const { low: x0, high: x1, share: right } of columns) {
        for (let c = 0; c < 4; c++, to++) {
          const at = (y: number, x: number) => clip.pixels[frame + (y * clip.width + x) * 4 + c]!;
          const top = at(y0, x0) * (1 - right) + at(y0, x1) * right;
          const bottom = at(y1, x0) * (1 - right) + at(y1, x1) * right;
          pixels[to] = top * (1 - down) + bottom * down;
        }
      }
    }
  }
  return { frameCount, height, width, pixels };
}

interface Place {
  readonly low: number;
  readonly high: number;
  readonly share: number;
}

function places(size: number, from: number): readonly Place[] {
  return Array.from({ length: size }, (_, i) => {
    const place = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / size - 0.5));
    const low = Math.floor(place);
    return { low, high: Math.min(from - 1, low + 1), share: place - low };
  });
}
