import { describe, expect, it } from 'vitest';
import type { StudioError } from '../errors/StudioError';
import type { ByteSource } from './ByteSource';
import { blobSource } from './blobSource';
import { memorySource } from './memorySource';
import type { Model, Tensor } from './model';
import { type PackedModel, packModel } from './packModel';
import { readModel } from './readModel';
import { tensorBytes } from './tensorValues';
import { buildModel } from './testing/buildModel';

const external = (name: string, offsetBytes: number, floats: number, location = 'old.data'): Tensor => ({
  name,
  dataType: 'float32',
  dims: [floats],
  data: { kind: 'external', location, offsetBytes, lengthBytes: 4 * floats },
});

function modelWith(tensors: readonly Tensor[]): Model {
  return buildModel((b) => {
    const x = b.input('x', [1]);
    const sums = tensors.map((tensor) => b.op('Add', [x, b.tensor(tensor)]));
    b.output(b.op('Concat', sums, { axis: 0 }));
  });
}

const noise = (length: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255);

/** Keeps note of what is read. */
function watched(bytes: Uint8Array): ByteSource & { readonly reads: (readonly [number, number])[] } {
  const inner = memorySource(bytes);
  const reads: (readonly [number, number])[] = [];
  return { ...inner, reads, read: (offset, length) => (reads.push([offset, length]), inner.read(offset, length)) };
}

async function dataOf(packed: PackedModel): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  await packed.writeData(async (chunk) => void chunks.push(chunk.slice()));
  return new Uint8Array(Buffer.concat(chunks));
}

const codeOf = (thrown: unknown) => (thrown as StudioError).code;

describe('packModel with external data', () => {
  const old = noise(20_000_000);

  it('writes live ranges only, each once, and points every tensor at its bytes', async () => {
    const tensors = [
      external('a', 64, 1000),
      external('b', 8192, 3_000_000),
      external('alias of b', 8192, 3_000_000),
      external('inside b', 8192 + 400, 10),
      external('c', 19_000_000, 7),
    ];
    const source = watched(old);
    const packed = await packModel(modelWith(tensors), new Map([['old.data', source]]), {
      kind: 'external',
      location: 'new.data',
    });
    const data = await dataOf(packed);
    expect(data.length).toBe(packed.dataSizeBytes);
    expect(data.length).toBeLessThan(4000 + 12_000_000 + 28 + 2 * 4096);
    expect(source.reads.reduce((sum, [, length]) => sum + length, 0)).toBe(4000 + 12_000_000 + 28);
    const sources = new Map([['new.data', memorySource(data)]]);
    const written = readModel(packed.modelBytes).graph.initializers;
    for (const tensor of tensors) {
      const bytes = await tensorBytes(written.get(tensor.name)!, sources);
      expect(Buffer.compare(bytes, await tensorBytes(tensor, new Map([['old.data', memorySource(old)]])))).toBe(0);
    }
    expect(written.get('b')!.data).toEqual(written.get('alias of b')!.data);
    expect((written.get('b')!.data as { offsetBytes: number }).offsetBytes % 4096).toBe(0);
    expect((written.get('a')!.data as { offsetBytes: number }).offsetBytes % 64).toBe(0);
  });

  it('is the same as a Blob, which reads nothing of a source that is one', async () => {
    const inline: Tensor = {
      name: 'moved',
      dataType: 'float32',
      dims: [300],
      data: { kind: 'inline', bytes: noise(1200) },
    };
    const model = modelWith([
      external('a', 64, 1000),
      external('b', 8192, 30_000),
      inline,
      external('c', 4, 7, 'second.data'),
    ]);
    const unread = () => Promise.reject(new Error('read'));
    const first = { ...blobSource(new Blob([old])), read: unread, openReader: undefined };
    const second = noise(100);
    const pack = (source: ByteSource) =>
      packModel(
        model,
        new Map([
          ['old.data', source],
          ['second.data', memorySource(second)],
        ]),
        { kind: 'external', location: 'new.data' },
      );
    const written = await dataOf(await pack(memorySource(old)));
    const blob = await (await pack(first)).dataBlob();
    expect(blob.size).toBe(written.length);
    expect(Buffer.compare(Buffer.from(await blob.arrayBuffer()), written)).toBe(0);
  });

  it('moves large inline weights out and leaves small ones in', async () => {
    const model = buildModel((b) => {
      const y = b.op('MatMul', [b.input('x', [1, 64]), b.weight('w', [64, 64])]);
      b.output(b.op('Add', [y, b.weight('bias', [64])]));
    });
    const packed = await packModel(model, new Map(), { kind: 'external', location: 'w.data' });
    const { initializers } = readModel(packed.modelBytes).graph;
    expect(initializers.get('w')!.data.kind).toBe('external');
    expect(initializers.get('bias')!.data.kind).toBe('inline');
    const sources = new Map([['w.data', memorySource(await dataOf(packed))]]);
    expect(await tensorBytes(initializers.get('w')!, sources)).toEqual(
      await tensorBytes(model.graph.initializers.get('w')!),
    );
  });

  it('gives full chunks of the bytes asked for, but for the last', async () => {
    const packed = await packModel(
      modelWith([external('a', 0, 4_000_000)]),
      new Map([['old.data', memorySource(old)]]),
      { kind: 'external', location: 'n' },
    );
    const sizes: number[] = [];
    await packed.writeData(async (chunk) => void sizes.push(chunk.length), { chunkBytes: 300_000 });
    expect(sizes.pop()).toBe(packed.dataSizeBytes % 300_000);
    expect(new Set(sizes)).toEqual(new Set([300_000]));
  });

  it('stops between chunks when aborted, with an AbortError', async () => {
    const packed = await packModel(
      modelWith([external('a', 0, 4_000_000)]),
      new Map([['old.data', memorySource(old)]]),
      { kind: 'external', location: 'n' },
    );
    const controller = new AbortController();
    let chunks = 0;
    const writing = packed.writeData(
      async () => {
        chunks++;
        controller.abort();
      },
      { signal: controller.signal },
    );
    await expect(writing).rejects.toMatchObject({ name: 'AbortError' });
    expect(chunks).toBe(1);
  });

  it('passes on what the sink throws', async () => {
    const packed = await packModel(
      modelWith([external('a', 0, 4_000_000)]),
      new Map([['old.data', memorySource(old)]]),
      { kind: 'external', location: 'n' },
    );
    await expect(
      packed.writeData(async () => {
        throw new Error('disk full');
      }),
    ).rejects.toThrow('disk full');
  });

  it('writes no file where nothing is large', async () => {
    const packed = await packModel(modelWith([]), new Map(), { kind: 'external', location: 'n' });
    expect(packed.dataLocation).toBeUndefined();
    expect(packed.dataSizeBytes).toBe(0);
  });

  it.each([
    ['a missing file', external('a', 0, 1, 'elsewhere'), 'onnx/missing-external-data'],
    ['a range beyond the end', external('a', 19_999_998, 1), 'onnx/external-data-range'],
    ['a location outside the folder', external('a', 0, 1, '../old.data'), 'onnx/unsafe-location'],
  ])('refuses %s', async (_, tensor, code) => {
    const thrown = await packModel(
      modelWith([tensor]),
      new Map([
        ['old.data', memorySource(old)],
        ['../old.data', memorySource(old)],
      ]),
      { kind: 'external', location: 'n' },
    ).catch(codeOf);
    expect(thrown).toBe(code);
  });
});

describe('packModel into a single file', () => {
  it('inlines everything', async () => {
    const old = noise(4096);
    const tensors = [external('a', 16, 100), external('b', 1024, 3)];
    const packed = await packModel(modelWith(tensors), new Map([['old.data', memorySource(old)]]), { kind: 'single' });
    const { initializers } = readModel(packed.modelBytes).graph;
    expect(await tensorBytes(initializers.get('a')!)).toEqual(old.slice(16, 416));
    expect(packed.dataLocation).toBeUndefined();
  });

  it('refuses more than protobuf holds, without reading', async () => {
    const huge = {
      ...external('a', 0, 0),
      dims: [600_000_000],
      data: { kind: 'external', location: 'big', offsetBytes: 0, lengthBytes: 2_400_000_000 },
    } as const;
    const source: ByteSource = {
      sizeBytes: 3e9,
      read: async () => {
        throw new Error('was read');
      },
    };
    expect(await packModel(modelWith([huge]), new Map([['big', source]]), { kind: 'single' }).catch(codeOf)).toBe(
      'onnx/too-large',
    );
  });
});
