import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createModelCache } from './modelCache';
import type { MemoryDirectory } from './testing/memoryDirectory';
import { memoryDirectory } from './testing/memoryDirectory';
import type { StaticServer } from './testing/nodeStaticServer';
import { staticServer } from './testing/nodeStaticServer';

const SEGMENT = 4096;
const BYTES = Uint8Array.from({ length: 50_000 }, (_, i) => (i * 7) % 253);
const SHA = createHash('sha256').update(BYTES).digest('hex');
const CONFIG = new TextEncoder().encode('{"a": 1}');

let server: StaticServer;
let directory: MemoryDirectory;
const space = { usedBytes: 0, quotaBytes: 1e9 };

beforeEach(async () => {
  server = await staticServer({ 'm/model.onnx': BYTES, 'm/config.json': CONFIG }, { ranges: true });
  directory = memoryDirectory();
  segmentBytes = SEGMENT;
  Object.assign(space, { usedBytes: 0, quotaBytes: 1e9 });
});
afterEach(() => server.close());

let segmentBytes: number;
const cacheOver = () => createModelCache({ directory, space: async () => space, segmentBytes });
const reference = () => ({ kind: 'url' as const, url: `${server.url}m/`, name: 'm' });
const open = (path = 'model.onnx', hashes?: Record<string, string>) =>
  cacheOver().folder(reference(), { hashes }).open(path);

async function bytesOf(source: Awaited<ReturnType<typeof open>>): Promise<Uint8Array> {
  return source.read(0, source.sizeBytes);
}

/** Downloads until the connection breaks after `bytes`. */
async function breakAfter(bytes: number): Promise<void> {
  server.habits = { ranges: true, breakAfterBytes: bytes };
  await expect(open()).rejects.toMatchObject({
    code: 'library/fetch-broken',
    facts: { path: 'model.onnx', totalBytes: BYTES.length },
  });
  server.habits = { ranges: true };
  server.log.length = 0;
}

async function abortWhen(reached: (loaded: number, total: number) => boolean): Promise<void> {
  const controller = new AbortController();
  const onProgress = (loaded: number, total: number) => reached(loaded, total) && controller.abort();
  const opening = cacheOver().folder(reference()).open('model.onnx', { signal: controller.signal, onProgress });
  await expect(opening).rejects.toMatchObject({ name: 'AbortError' });
}

describe('a kept file', () => {
  test('comes from the network once, then from the cache alone', async () => {
    expect(await bytesOf(await open())).toEqual(BYTES);
    server.log.length = 0;
    server.habits = { status: 500 };
    expect(await bytesOf(await open())).toEqual(BYTES);
    expect(await cacheOver().folder(reference()).has('model.onnx')).toBe(true);
    expect(server.log).toEqual([]);
  });

  test('opens without the network: files that the server did not have are known to be absent', async () => {
    const folder = cacheOver().folder(reference());
    expect(await folder.has('before.json')).toBe(false);
    await folder.open('model.onnx');
    expect(await folder.has('after.json')).toBe(false);
    await server.close();
    const later = cacheOver().folder(reference());
    expect(await later.has('model.onnx')).toBe(true);
    expect(await later.has('before.json')).toBe(false);
    expect(await later.has('after.json')).toBe(false);
    await expect(later.has('never-asked.json')).rejects.toMatchObject({ code: 'library/fetch-failed' });
  });

  test('is a blob, so that a runtime can stream it', async () => {
    const source = await open();
    expect(source.blob?.size).toBe(BYTES.length);
    expect(await source.read(SEGMENT - 3, 9)).toEqual(BYTES.slice(SEGMENT - 3, SEGMENT + 6));
  });

  test('reports progress by bytes', async () => {
    const seen: number[][] = [];
    await cacheOver()
      .folder(reference())
      .open('model.onnx', { onProgress: (...at) => seen.push(at) });
    expect(seen.at(-1)).toEqual([BYTES.length, BYTES.length]);
  });
});

describe('a broken download', () => {
  test('goes on from where it was cut', async () => {
    await breakAfter(3 * SEGMENT + 100);
    expect(await bytesOf(await open())).toEqual(BYTES);
    expect(server.log).toEqual([`GET /m/model.onnx bytes=${3 * SEGMENT + 100}-`]);
    expect((await cacheOver().list())[0]!.files[0]!.sha256).toBe(SHA);
  });

  test('twice over, within one segment too', async () => {
    await breakAfter(100);
    await breakAfter(60);
    await breakAfter(2 * SEGMENT);
    expect(await bytesOf(await open())).toEqual(BYTES);
    expect(server.log).toEqual([`GET /m/model.onnx bytes=${2 * SEGMENT + 160}-`]);
  });

  test('starts over on a server without ranges', async () => {
    await breakAfter(9000);
    server.habits = {};
    expect(await bytesOf(await open())).toEqual(BYTES);
    expect(server.log).toEqual(['GET /m/model.onnx bytes=9000-', 'GET /m/model.onnx']);
  });

  test('starts over when the file is another one now', async () => {
    await breakAfter(9000);
    const other = BYTES.map((value) => 255 - value);
    server.files['m/model.onnx'] = other;
    expect(await bytesOf(await open())).toEqual(other);
  });

  test('an abort keeps what came', async () => {
    const large = Uint8Array.from({ length: 4_000_000 }, (_, i) => (i * 7) % 253);
    server.files['m/model.onnx'] = large;
    segmentBytes = 2 ** 20;
    await abortWhen((loaded) => loaded > 0);
    const stored = (await cacheOver().list())[0]!.storedBytes;
    expect(stored).toBeGreaterThan(0);
    expect(stored).toBeLessThan(large.length);
    expect(Buffer.from(await bytesOf(await open())).equals(large)).toBe(true);
    expect(server.log.at(-1)).toBe(`GET /m/model.onnx bytes=${stored}-`);
  });

  test('an abort after the last byte leaves nothing to ask for', async () => {
    await abortWhen((loaded, total) => loaded === total);
    expect(await bytesOf(await open())).toEqual(BYTES);
    expect(server.log).toEqual(['GET /m/model.onnx']);
  });
});

describe('hashes', () => {
  test('a file with the published hash is taken', async () => {
    expect(await bytesOf(await open('model.onnx', { 'model.onnx': SHA }))).toEqual(BYTES);
  });
  test('another one is refused and forgotten', async () => {
    await expect(open('model.onnx', { 'model.onnx': '0'.repeat(64) })).rejects.toMatchObject({
      code: 'library/integrity',
      facts: { found: SHA },
    });
    expect(await cacheOver().list()).toEqual([]);
  });
  test('a kept file whose hash is not the wanted one is fetched again', async () => {
    await open();
    server.log.length = 0;
    await open('model.onnx', { 'model.onnx': SHA });
    expect(server.log).toEqual([]);
    await expect(open('model.onnx', { 'model.onnx': '1'.repeat(64) })).rejects.toMatchObject({
      code: 'library/integrity',
    });
  });
  test('verify finds a changed byte', async () => {
    await open();
    const [model] = await cacheOver().list();
    let read = 0;
    await cacheOver().verify(model!.id, (bytes) => (read = bytes));
    expect(read).toBe(BYTES.length);
    const modelDirectory = await directory.getDirectoryHandle(model!.id);
    const [fileId] = [...(modelDirectory as MemoryDirectory).entries.keys()].filter((name) => name !== 'model.json');
    const file = (await modelDirectory.getDirectoryHandle(fileId!)) as MemoryDirectory;
    (file.entries.get('000001') as unknown as { bytes: Uint8Array }).bytes[5]! ^= 1;
    await expect(cacheOver().verify(model!.id)).rejects.toMatchObject({
      code: 'library/integrity',
      facts: { path: 'model.onnx', expected: SHA },
    });
  });
});

describe('room', () => {
  test('a download that does not fit is refused before it starts, with the numbers', async () => {
    Object.assign(space, { usedBytes: 60_000, quotaBytes: 100_000 });
    await expect(open()).rejects.toMatchObject({
      code: 'library/quota',
      facts: { neededBytes: 50_000, availableBytes: 40_000, quotaBytes: 100_000 },
    });
    expect(await cacheOver().list()).toEqual([]);
  });
  test('what is already there does not count twice', async () => {
    await breakAfter(30_000);
    Object.assign(space, { usedBytes: 75_000, quotaBytes: 100_000 });
    expect(await bytesOf(await open())).toEqual(BYTES);
  });
  test('a disk that fills up on the way is the same error', async () => {
    directory = memoryDirectory({ bytes: 20_000 });
    await expect(open()).rejects.toMatchObject({ code: 'library/quota' });
  });
});

describe('the list', () => {
  test('names models and files with sizes, and forgets what is removed', async () => {
    await open('model.onnx');
    await open('config.json');
    const [model, ...others] = await cacheOver().list();
    expect(others).toEqual([]);
    expect(model).toMatchObject({
      url: `${server.url}m/`,
      name: 'm',
      storedBytes: BYTES.length + CONFIG.length,
      files: [
        { path: 'config.json', storedBytes: CONFIG.length },
        { path: 'model.onnx', storedBytes: BYTES.length, totalBytes: BYTES.length, sha256: SHA },
      ],
    });
    await cacheOver().remove(model!.id);
    await cacheOver().remove(model!.id);
    expect(await cacheOver().list()).toEqual([]);
  });
  test('a file that the server does not have leaves no trace', async () => {
    await expect(open('absent.json')).rejects.toMatchObject({ code: 'library/missing-file' });
    expect(await cacheOver().list()).toEqual([]);
  });
});

describe('records that are damaged', () => {
  const absurd = ['', 'null', '[]', '7', '{}', '{"url":1,"name":null}', '{"path":"x","url":"y","totalBytes":-1}', '{'];

  test.each(absurd)('%j: count as none, the list and the file come all the same', async (text) => {
    await open();
    const [model] = [...directory.entries.values()] as MemoryDirectory[];
    const files = [...model!.entries.values()].filter((entry): entry is MemoryDirectory => 'entries' in entry);
    for (const [holder, name] of [
      [model!, 'model.json'],
      ...files.map((file) => [file, 'entry.json'] as const),
    ] as const) {
      const record = holder.entries.get(name) as unknown as { bytes: Uint8Array };
      const good = record.bytes;
      record.bytes = new TextEncoder().encode(text);
      for (const { name: shown, url, files: listed } of await cacheOver().list())
        expect([typeof shown, typeof url, Array.isArray(listed)]).toEqual(['string', 'string', true]);
      expect(await bytesOf(await open())).toEqual(BYTES);
      record.bytes = good;
    }
  });

  test('strangers in the folder are no models', async () => {
    await open();
    await directory.getDirectoryHandle('stranger', { create: true });
    expect(await cacheOver().list()).toHaveLength(1);
  });
});
