import { readFile } from 'node:fs/promises';
import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { bundledModels } from '../library/bundledModels';
import { fingerprintOf, outlineOf } from '../studio/fingerprint';
import { openPipelineOnDisk } from './openPipelineOnDisk';
import { encodeStoredClip } from './storedClip';

it('a stored clip has every pixel of every frame, and its settings', () => {
  const [frameCount, width, height] = [3, 4, 2];
  const pixels = Uint8ClampedArray.from({ length: frameCount * width * height * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : (i * 37) % 256,
  );
  const settings = { prompt: 'a panda', seed: 7, steps: 4, guidance: 1 };
  const { picture, facts } = encodeStoredClip({ frameCount, width, height, pixels }, settings, {
    fingerprint: 'ab12',
    outline: 'cd34',
  });
  const read = PNG.sync.read(Buffer.from(picture));
  expect([read.width, read.height]).toEqual([width, height * frameCount]);
  expect([...read.data]).toEqual([...pixels]);
  expect(JSON.parse(new TextDecoder().decode(facts))).toEqual({
    fingerprint: 'ab12',
    outline: 'cd34',
    frameCount,
    width,
    height,
    settings,
  });
});

for (const { url } of bundledModels)
  it(`the clip beside ${url} is of the model that lies there`, async () => {
    const stored = JSON.parse(await readFile(`public/${url}stored-clip.json`, 'utf8')) as object;
    const pipeline = await openPipelineOnDisk(`public/${url}`, new AbortController().signal);
    try {
      const names = { fingerprint: await fingerprintOf(pipeline), outline: await outlineOf(pipeline) };
      expect(stored).toMatchObject(names);
    } finally {
      await pipeline.release();
    }
  });
