import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { encodeStoredClip } from './storedClip';

it('a stored clip has every pixel of every frame, and its settings', () => {
  const [frameCount, width, height] = [3, 4, 2];
  const pixels = Uint8ClampedArray.from({ length: frameCount * width * height * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : (i * 37) % 256,
  );
  const settings = { prompt: 'a panda', seed: 7, steps: 4, guidance: 1 };
  const { picture, facts } = encodeStoredClip({ frameCount, width, height, pixels }, settings, 'ab12');
  const read = PNG.sync.read(Buffer.from(picture));
  expect([read.width, read.height]).toEqual([width, height * frameCount]);
  expect([...read.data]).toEqual([...pixels]);
  expect(JSON.parse(new TextDecoder().decode(facts))).toEqual({
    fingerprint: 'ab12',
    frameCount,
    width,
    height,
    settings,
  });
});
