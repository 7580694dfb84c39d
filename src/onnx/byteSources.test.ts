import { describe, expect, it } from 'vitest';
import { blobSource } from './blobSource';
import { externalLocations } from './externalLocations';
import { memorySource } from './memorySource';
import { buildModel } from './testing/buildModel';
import { writeModel } from './writeModel';

const bytes = Uint8Array.from({ length: 10 }, (_, i) => i);

describe.each([
  ['memory', memorySource(bytes)],
  ['a blob', blobSource(new Blob([bytes]))],
])('bytes in %s', (_, source) => {
  it('are read by range', async () => {
    expect(source.sizeBytes).toBe(10);
    expect(await source.read(3, 4)).toEqual(new Uint8Array([3, 4, 5, 6]));
    expect(await source.read(10, 0)).toEqual(new Uint8Array(0));
  });

  it('belong to the reader', async () => {
    (await source.read(0, 10)).fill(99);
    expect(await source.read(0, 1)).toEqual(new Uint8Array([0]));
  });

  it.each([
    [8, 3],
    [11, 0],
    [-1, 2],
    [0, -1],
  ])('end where the file does: %i, %i', async (offset, length) => {
    await expect(source.read(offset, length)).rejects.toMatchObject({ code: 'onnx/external-data-range' });
  });
});

describe('a reader from front to back', () => {
  const large = Uint8Array.from({ length: 5_000_000 }, (_, i) => Math.imul(i, 2654435761) >>> 24);
  const read = async (ranges: readonly (readonly [number, number])[]) => {
    const reader = blobSource(new Blob([large])).openReader!();
    try {
      for (const [offset, length] of ranges) {
        const target = new Uint8Array(length);
        await reader.readInto(offset, target);
        expect(Buffer.compare(target, large.subarray(offset, offset + length)), `${length} bytes from ${offset}`).toBe(
          0,
        );
      }
    } finally {
      await reader.close();
    }
  };

  it('fills memory with ranges side by side, with small and large gaps, at the end, and of no length', () =>
    read([
      [0, 10],
      [10, 700_000],
      [700_100, 100_000],
      [4_000_000, 3],
      [4_000_003, 0],
      [4_999_000, 1000],
      [5_000_000, 0],
    ]));

  it('goes back where it must', () =>
    read([
      [4_000_000, 1000],
      [100, 200_000],
    ]));

  it('ends where the file does', async () => {
    await expect(read([[4_999_999, 2]])).rejects.toMatchObject({ code: 'onnx/external-data-range' });
  });

  it('tells a file that became shorter', async () => {
    const shrunk = Object.assign(new Blob([bytes]), { slice: () => new Blob([bytes.subarray(0, 4)]) });
    const reader = blobSource(shrunk).openReader!();
    await expect(reader.readInto(0, new Uint8Array(6))).rejects.toMatchObject({ code: 'onnx/truncated' });
  });
});

describe('a file that changed since it was opened', () => {
  it.each(['NotReadableError', 'NotFoundError'])('is told: %s', async (name) => {
    const changed = Object.assign(new Blob([bytes]), {
      slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException('no', name)) }),
    });
    await expect(blobSource(changed).read(0, 4)).rejects.toMatchObject({ code: 'onnx/file-changed' });
  });

  it('is told by a stream of it', async () => {
    const stream = () => new ReadableStream({ pull: () => Promise.reject(new TypeError('network error')) });
    const reader = blobSource(Object.assign(new Blob([bytes]), { slice: () => ({ stream }) })).openReader!();
    await expect(reader.readInto(0, new Uint8Array(4))).rejects.toMatchObject({ code: 'onnx/file-changed' });
    await reader.close();
  });
});

describe('weights files that a model names', () => {
  const naming = (...locations: readonly string[]) =>
    buildModel((b) =>
      locations.forEach((location, i) =>
        b.tensor({
          name: `w${i}`,
          dataType: 'uint8',
          dims: [1],
          data: { kind: 'external', location, offsetBytes: i, lengthBytes: 1 },
        }),
      ),
    );

  it('are listed once, in the order of the file', () => {
    expect(externalLocations(naming('b.data', 'sub/a.data', 'b.data'))).toEqual(['b.data', 'sub/a.data']);
    expect(externalLocations(naming('..data', 'a..b'))).toHaveLength(2);
  });

  it('stay in its folder', () => {
    expect(() => externalLocations(naming('a', 'sub/../../b'))).toThrow(
      expect.objectContaining({ code: 'onnx/unsafe-location' }),
    );
  });
});

describe('one file', () => {
  it('holds 2 GB at most, which is told before anything is copied', () => {
    const half = new Uint8Array(new ArrayBuffer(2 ** 30)); // never touched, so it takes no memory
    const model = buildModel((b) =>
      ['a', 'b'].forEach((name) =>
        b.tensor({ name, dataType: 'uint8', dims: [2 ** 30], data: { kind: 'inline', bytes: half } }),
      ),
    );
    expect(() => writeModel(model)).toThrow(expect.objectContaining({ code: 'onnx/too-large' }));
  });
});
