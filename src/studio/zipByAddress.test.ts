/**
 * A pipeline that is opened by its address, where nothing can be listed, exported as a zip: every file of it is there, and
 * the unpacked folder gives the same clip after the server is gone.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { type StaticServer, staticServer } from '../library/testing/nodeStaticServer';
import { urlFolder } from '../library/urlFolder';
import { packModel } from '../onnx/packModel';
import { readModel } from '../onnx/readModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { openPipeline } from './openPipeline';
import type { Pipeline } from './Pipeline';
import { variantOf } from './Variant';

const BUNDLED = 'public/models/emoji-t2v';
const text = (value: object) => new TextEncoder().encode(JSON.stringify(value));
/** A word of the pipeline's vocabulary, and one that only added_tokens.json knows: the same token. */
const [WORD, ADDED] = ['rocket', 'zeppelin'];
const settings = { prompt: `a ${ADDED}`, seed: 3, steps: 1, guidance: 1 };

let server: StaticServer;
let scratch: string;
const served: Record<string, Uint8Array> = {};

beforeAll(async () => {
  for (const entry of await readdir(BUNDLED, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !/^(stored-clip|clips)\./.test(entry.name))
      served[path.slice(BUNDLED.length + 1)] = new Uint8Array(await readFile(path));
  }
  // the graph that opening reads and the one that it does not, with their weights beside them
  for (const [part, location] of [
    ['text_encoder', 'model.onnx_data'],
    ['vae_encoder', 'weights/first.bin'],
  ] as const) {
    const packed = await packModel(readModel(served[`${part}/model.onnx`]!), new Map(), { kind: 'external', location });
    const chunks: Uint8Array[] = [];
    await packed.writeData(async (chunk) => void chunks.push(chunk.slice()));
    served[`${part}/model.onnx`] = packed.modelBytes;
    served[`${part}/${location}`] = Buffer.concat(chunks);
  }
  const { model } = JSON.parse(new TextDecoder().decode(served['tokenizer/tokenizer.json']));
  served['tokenizer/special_tokens_map.json'] = text({ pad_token: '<pad>', unk_token: '<unk>' });
  served['tokenizer/added_tokens.json'] = text({ [ADDED]: model.vocab[WORD] });
  server = await staticServer(served);
  scratch = await mkdtemp(join(tmpdir(), 'zip-by-address-'));
});

afterAll(async () => {
  await server.close();
  await rm(scratch, { recursive: true });
});

/** The teacher's or a student's frames, after one step. */
async function pixelsOf(pipeline: Pipeline, dropped: readonly string[]): Promise<Uint8ClampedArray> {
  const { clips } = await pipeline.sample({
    takes: [{ variant: variantOf({ dropped }), settings }],
    previewEvery: 0,
  });
  return clips[0]!.pixels;
}

async function clipOfFolder(folder: string): Promise<Uint8ClampedArray> {
  const pipeline = await openPipeline(await nodeFolder(folder), nodeRuntime());
  try {
    return await pixelsOf(pipeline, []);
  } finally {
    await pipeline.release();
  }
}

test('it has every file, and gives the student’s clip', { timeout: 120_000 }, async () => {
  const pipeline = await openPipeline(urlFolder({ kind: 'url', url: `${server.url}`, name: 'served' }), nodeRuntime());
  const drop = pipeline.denoiser.tree.blocks.find(({ droppable }) => droppable)!.id;
  const student = await pixelsOf(pipeline, [drop]);
  const { files } = await pipeline.exportStudent({
    variant: variantOf({ dropped: [drop] }),
    format: 'pipeline-zip',
    settings,
  });
  await pipeline.release();
  await server.close();

  const entries = unzipSync(new Uint8Array(await files[0]!.blob.arrayBuffer()));
  expect(Object.keys(entries).sort()).toEqual(Object.keys(served).sort());
  const changed = new Set(['README.md', 'model_index.json', 'unet/model.onnx']);
  for (const [path, bytes] of Object.entries(entries)) {
    if (!changed.has(path)) expect(Buffer.compare(bytes, served[path]!), path).toBe(0);
    const to = join(scratch, path);
    await mkdir(dirname(to), { recursive: true });
    await writeFile(to, bytes);
  }
  const unpacked = await clipOfFolder(scratch);
  expect(largestDifference(unpacked, student)).toBeLessThanOrEqual(1);
  // and it is these small files that make the clip: without one, the word is unknown
  await rm(join(scratch, 'tokenizer/added_tokens.json'));
  expect(largestDifference(await clipOfFolder(scratch), student)).toBeGreaterThan(8);
});

const largestDifference = (a: Uint8ClampedArray, b: Uint8ClampedArray): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
