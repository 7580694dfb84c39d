import { crc32 } from 'node:zlib';
import { unzipSync } from 'fflate';
import { expect, test } from 'vitest';
import { blobSource } from '../onnx/blobSource';
import { memorySource } from '../onnx/memorySource';
import { type ZipEntries, zipBlob } from './zipPipeline';

const noise = (length: number) => Uint8Array.from({ length }, (_, i) => Math.imul(i, 2654435761) >>> 24);
const contents: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  'unet/model.onnx': noise(9_000_001),
  'notes.txt': noise(10),
  empty: noise(0),
  'unet/model.onnx.data': noise(4 * 2 ** 20),
};

const entriesOf = (sourceOf: (bytes: Uint8Array<ArrayBuffer>) => ZipEntries['list'][number]['source']): ZipEntries => ({
  list: Object.entries(contents).map(([path, bytes]) => ({ path, source: sourceOf(bytes) })),
  sizeBytes: Object.values(contents).reduce((sum, { length }) => sum + length, 0),
});

test.each([
  ['memory', memorySource],
  ['Blobs', (bytes: Uint8Array<ArrayBuffer>) => blobSource(new Blob([bytes]))],
])('a zip of %s holds every entry', async (_, sourceOf) => {
  const entries = entriesOf(sourceOf);
  const seen: number[] = [];
  const found = unzipSync(
    new Uint8Array(await (await zipBlob(entries, (bytes) => seen.push(bytes), undefined)).arrayBuffer()),
  );
  expect(seen.at(-1)).toBe(entries.sizeBytes);
  expect(Object.keys(found)).toEqual(Object.keys(contents));
  for (const [path, bytes] of Object.entries(contents)) expect(Buffer.compare(found[path]!, bytes), path).toBe(0);
});

test('its checksums are right', async () => {
  const zip = Buffer.from(await (await zipBlob(entriesOf(memorySource), () => {}, undefined)).arrayBuffer());
  let entry = zip.readUInt32LE(zip.length - 6); // where the central directory begins
  for (const [path, bytes] of Object.entries(contents)) {
    expect(zip.readUInt32LE(entry + 16), path).toBe(crc32(bytes));
    entry += 46 + zip.readUInt16LE(entry + 28);
  }
});

test('a cancelled zip throws the reason of the cancel', async () => {
  const controller = new AbortController();
  const packing = zipBlob(entriesOf(memorySource), () => controller.abort(), controller.signal);
  await expect(packing).rejects.toMatchObject({ name: 'AbortError' });
});
