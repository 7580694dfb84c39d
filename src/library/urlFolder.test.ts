import { afterEach, describe, expect, test } from 'vitest';
import type { ServerHabits, StaticServer } from './testing/nodeStaticServer';
import { staticServer } from './testing/nodeStaticServer';
import { urlFolder } from './urlFolder';

const BYTES = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
let server: StaticServer;

async function serve(habits: ServerHabits = {}): Promise<StaticServer> {
  server = await staticServer(
    { 'm/model_index.json': new TextEncoder().encode('{}'), 'm/unet/model.onnx': BYTES, 'm/unet/a b#c.data': BYTES },
    habits,
  );
  return server;
}

afterEach(() => server.close());

const folderAt = (url: string) => urlFolder({ kind: 'url', url, name: 'm' });

describe.each<[string, ServerHabits]>([
  ['a plain server', {}],
  ['a server that answers missing paths with its index page', { indexFallback: true }],
  ['a server without HEAD', { noHead: true }],
  ['a server that gives no length', { chunked: true }],
])('%s', (_, habits) => {
  test('says what is there, and reads it', async () => {
    const { url } = await serve(habits);
    for (const base of [`${url}m`, `${url}m/`]) {
      const folder = folderAt(base);
      expect(folder.paths).toBeNull();
      expect(await folder.has('unet/model.onnx')).toBe(true);
      expect(await folder.has('unet/absent.onnx')).toBe(false);
      const source = await folder.open('unet/model.onnx');
      expect(await source.read(1000, 50)).toEqual(BYTES.slice(1000, 1050));
      expect((await folder.open('unet/a b#c.data')).sizeBytes).toBe(BYTES.length);
      await expect(folder.open('unet/absent.onnx')).rejects.toMatchObject({ code: 'library/missing-file' });
    }
  });

  test('reports progress up to the whole file', async () => {
    const { url } = await serve(habits);
    const seen: [number, number][] = [];
    await folderAt(url + 'm').open('unet/model.onnx', { onProgress: (loaded, total) => seen.push([loaded, total]) });
    expect(seen[0]![0]).toBe(0);
    expect(seen.at(-1)).toEqual([BYTES.length, habits.chunked ? 0 : BYTES.length]);
  });
});

describe('what can go wrong', () => {
  test('a broken connection is fetch-failed', async () => {
    const { url } = await serve({ breakAfterBytes: 50_000 });
    await expect(folderAt(url + 'm').open('unet/model.onnx')).rejects.toMatchObject({ code: 'library/fetch-failed' });
  });
  test('a server error is fetch-failed and names the status', async () => {
    const { url } = await serve({ status: 503 });
    await expect(folderAt(url + 'm').open('unet/model.onnx')).rejects.toMatchObject({
      code: 'library/fetch-failed',
      facts: { status: 503 },
    });
    await expect(folderAt(url + 'm').has('unet/model.onnx')).rejects.toMatchObject({ code: 'library/fetch-failed' });
  });
  test('no server at all is fetch-failed', async () => {
    await serve();
    await expect(folderAt('http://127.0.0.1:9/').open('a')).rejects.toMatchObject({ code: 'library/fetch-failed' });
  });
  test('an abort is an AbortError', async () => {
    const { url } = await serve();
    const open = folderAt(url + 'm').open('unet/model.onnx', { signal: AbortSignal.abort() });
    await expect(open).rejects.toMatchObject({ name: 'AbortError' });
  });
  test('an address that is no URL is fetch-failed', async () => {
    await serve();
    expect(() => folderAt('not a url')).toThrow(expect.objectContaining({ code: 'library/fetch-failed' }));
  });
  test('a path that leaves the folder is refused', async () => {
    const { url } = await serve();
    await expect(folderAt(url + 'm').open('../secret')).rejects.toMatchObject({ code: 'onnx/unsafe-location' });
  });
});

test('the URL of one graph file is that file, with its neighbours at hand', async () => {
  const { url } = await serve();
  const folder = folderAt(`${url}m/unet/model.onnx?download=true`);
  expect(folder.paths).toEqual(['model.onnx']);
  expect((await folder.open('model.onnx')).sizeBytes).toBe(BYTES.length);
  expect(await folder.has('a b#c.data')).toBe(true);
  expect(server.log.at(-1)).toBe('HEAD /m/unet/a b#c.data');
});

test('files that are known are asked for at once, one time each, and never whether they are there', async () => {
  const { url } = await serve();
  const files = ['model_index.json', 'unet/model.onnx'];
  const folder = urlFolder({ kind: 'url', url: `${url}m/`, name: 'm', files });
  await expect.poll(() => server.log.toSorted()).toEqual(['GET /m/model_index.json', 'GET /m/unet/model.onnx']);
  expect(await folder.has('unet/model.onnx')).toBe(true);
  const seen: (readonly [number, number])[] = [];
  const source = await folder.open('unet/model.onnx', { onProgress: (...now) => seen.push(now) });
  expect(await source.read(0, source.sizeBytes)).toEqual(BYTES);
  expect(source.bytes).toEqual(BYTES); // a graph is in memory
  expect(seen.at(-1)).toEqual([BYTES.length, BYTES.length]);
  expect(server.log).toHaveLength(2);
  expect(await folder.has('unet/absent.onnx')).toBe(false); // asked about, as it is not on the list
  expect((await folder.open('unet/model.onnx')).sizeBytes).toBe(BYTES.length); // given away: fetched again
  expect(server.log.slice(2)).toEqual(['HEAD /m/unet/absent.onnx', 'GET /m/unet/model.onnx']);
});

test('an abort ends what was asked for beforehand; a file that is not there is told to who opens it', async () => {
  const { url } = await serve();
  const files = ['unet/model.onnx', 'unet/absent.onnx'];
  const aborted = urlFolder({ kind: 'url', url: `${url}m/`, name: 'm', files }, { signal: AbortSignal.abort() });
  await expect(aborted.open('unet/model.onnx')).rejects.toMatchObject({ name: 'AbortError' });
  const folder = urlFolder({ kind: 'url', url: `${url}m/`, name: 'm', files });
  await expect(folder.open('unet/absent.onnx')).rejects.toMatchObject({ code: 'library/missing-file' });
});
