import { unzipSync } from 'fflate';
import { expect, test } from 'vitest';
import { blobSource } from '../onnx/blobSource';
import { memorySource } from '../onnx/memorySource';
import { packZip, zipBlob, type ZipEntries } from './zipPipeline';

const noise = (length: number) => Uint8Array.from({ length }, (_, i) => Math.imul(i, 2654435761) >>> 24);
const contents: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = { 'unet/model.onnx': noise(9_000_001), 'notes.txt': noise(10), 'empty': noise(0), 'unet/model.onnx.data': noise(4 * 2 ** 20) };

const entriesOf = (sourceOf: (bytes: Uint8Array<ArrayBuffer>) => ZipEntries['list'][number]['source']): ZipEntries => ({
  list: Object.entries(contents).map(([path, bytes]) => ({ path, source: sourceOf(bytes) })),
  sizeBytes: Object.values(contents).reduce((sum, { length }) => sum + length, 0),
});

test.each([
  ['memory', memorySource],
  ['Blobs', (bytes: Uint8Array<ArrayBuffer>) => blobSource(new Blob([bytes]))],
])('a zip of %s holds every entry where it says, written or as a Blob', async (_, sourceOf) => {
  const entries = entriesOf(sourceOf);
  const chunks: Uint8Array[] = [];
  const offsets = await packZip(entries, (bytes) => void chunks.push(bytes.slice()), () => {}, undefined);
  const written = Buffer.concat(chunks);
  const seen: number[] = [];
  const blob = await zipBlob(entries, (bytes) => seen.push(bytes), undefined);
  expect(blob.size).toBe(written.length);
  expect(seen.at(-1)).toBe(entries.sizeBytes);
  for (const zip of [new Uint8Array(written), new Uint8Array(await blob.arrayBuffer())]) {
    const found = unzipSync(zip);
    expect(Object.keys(found)).toEqual(Object.keys(contents));
    Object.entries(contents).forEach(([path, bytes], i) => {
      expect(Buffer.compare(found[path]!, bytes), path).toBe(0);
      expect(Buffer.compare(zip.subarray(offsets[i]!, offsets[i]! + bytes.length), bytes), path).toBe(0);
    });
  }
});

test('a cancelled zip throws the reason of the cancel', async () => {
  const controller = new AbortController();
  const packing = zipBlob(entriesOf(memorySource), () => controller.abort(), controller.signal);
  await expect(packing).rejects.toMatchObject({ name: 'AbortError' });
});
