/** Picture files of two kinds, by other people's encoders, and files that are none. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readImage } from './readImage';
import { temporaryFolder } from './testing/fixtureModel';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true }));

const data = Buffer.from(Array.from({ length: 8 * 6 * 4 }, (_, i) => (i % 4 === 3 ? 255 : 120 + Math.floor(i / 16))));

async function saved(name: string, bytes: Uint8Array) {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

it('reads a PNG exactly and a JPEG nearly', async () => {
  const png = Object.assign(new PNG({ width: 8, height: 6 }), { data });
  const exact = await readImage(await saved('a.png', PNG.sync.write(png)));
  expect([exact.width, exact.height, Buffer.from(exact.pixels).equals(data)]).toEqual([8, 6, true]);
  const near = await readImage(await saved('a.jpg', jpeg.encode({ width: 8, height: 6, data }, 95).data));
  expect([near.width, near.height]).toEqual([8, 6]);
  expect(Math.max(...near.pixels.map((value, i) => Math.abs(value - data[i]!)))).toBeLessThan(8);
});

it('says what is wrong with other files', async () => {
  const png = PNG.sync.write(Object.assign(new PNG({ width: 8, height: 6 }), { data }));
  const wide = Buffer.from(png);
  wide.writeUInt32BE(0x7fffffff, 16);
  for (const path of [
    join(folder, 'none.png'),
    await saved('text.png', new TextEncoder().encode('no picture at all')),
    await saved('cut.png', png.subarray(0, 40)),
    await saved('wide.png', wide),
    await saved('cut.jpg', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)),
  ])
    await expect(readImage(path), path).rejects.toMatchObject({ code: 'cli/usage' });
});
