/** The GIF writer, by reading back what its file says of itself. */
import { describe, expect, it } from 'vitest';
import type { Clip } from '../metrics/Clip';
import { encodeGif } from './gif';
import { readGif } from './testing/readGif';

describe('encodeGif', () => {
  it("writes every frame, enlarged, at the clip's rate", () => {
    const [frameCount, width, height] = [3, 5, 4];
    const pixels = Uint8ClampedArray.from({ length: frameCount * width * height * 4 }, (_, i) =>
      i % 4 === 3 ? 255 : (i * 37) % 256,
    );
    const clip: Clip = { frameCount, width, height, pixels };
    const gif = readGif(encodeGif(clip, 8, 4));
    expect(gif).toEqual({
      signature: 'GIF89a',
      width: 20,
      height: 16,
      frames: Array(3).fill({ delay: 13, width: 20, height: 16 }),
    });
    expect(readGif(encodeGif(clip, 25, 1)).frames).toEqual(Array(3).fill({ delay: 4, width: 5, height: 4 }));
  });
});
