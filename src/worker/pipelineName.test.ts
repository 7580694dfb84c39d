/** When the weights of an opened model are read to name it: not before something may be kept of it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { StudioError } from '../errors/StudioError';
import { nodeFolder } from '../library/nodeFolder';
import { memoryDirectory } from '../library/testing/memoryDirectory';
import { writeModel } from '../onnx/writeModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { fingerprintOf } from '../studio/fingerprint';
import { linearDenoiser } from '../studio/healing/testing/linearDenoiser';
import { openPipeline } from '../studio/openPipeline';
import type { Pipeline } from '../studio/Pipeline';
import { type HealStore, healStore } from './healStore';
import { healedNames, isPerhapsKept, pipelineName } from './pipelineName';

let folder: string;
let pipeline: Pipeline;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pipeline-name-'));
  await writeFile(join(folder, 'free.onnx'), writeModel(linearDenoiser('batch')));
  pipeline = await openPipeline(await nodeFolder(join(folder, 'free.onnx')), nodeRuntime({ threads: 1 }));
});
afterAll(async () => {
  await pipeline.release();
  await rm(folder, { recursive: true });
});
afterEach(() => vi.restoreAllMocks());

/** Bytes that went into hashes from now on. */
function hashedBytes(): () => number {
  const digest = vi.spyOn(crypto.subtle, 'digest');
  return () => digest.mock.calls.reduce((sum, [, data]) => sum + data.byteLength, 0);
}

/** A store of healing with one student of the model with this fingerprint. */
async function storeWith(fingerprint: string): Promise<HealStore> {
  const store = healStore(memoryDirectory({ bytes: Infinity }), memoryDirectory({ bytes: Infinity }));
  const point = { step: 0, total: 1, content: 1, motion: 0 };
  const edit = { plan: { dropped: ['blocks.0'] }, weights: 'original' } as const;
  const summary = { before: point, best: point, curves: { training: [], heldOut: [] } };
  await store.students.write('w', { fingerprint, model: 'm', edit, summary } as never, new Uint8Array(1));
  return store;
}

/** As the worker does at an opening. */
async function openNamed(kept: Parameters<typeof isPerhapsKept>[1], store: () => Promise<HealStore>) {
  const readings = vi.fn();
  const name = await pipelineName(pipeline, { onNamed: readings });
  if (isPerhapsKept(name, kept, await healedNames(store))) await name.get();
  return { name, readings };
}

const nothing = { fingerprints: [], outlines: {} };
const empty = async () => healStore(memoryDirectory({ bytes: Infinity }), memoryDirectory({ bytes: Infinity }));

describe('opening a model', () => {
  it('of which nothing is kept reads none of its weights, whatever is kept of others', async () => {
    const weightBytes = pipeline.files.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const hashed = hashedBytes();
    const { name } = await openNamed(nothing, empty);
    const outlines = { other: 'outline of another' };
    await openNamed({ fingerprints: ['other'], outlines }, async () => storeWith('other'));
    expect([name.known(), hashed() < weightBytes]).toEqual([null, true]);
    await name.get();
    expect(hashed()).toBeGreaterThan(weightBytes);
  });

  it('finds what was kept of it, by an earlier version too, which knew no outlines', async () => {
    const fingerprint = await fingerprintOf(pipeline);
    const { outline } = await pipelineName(pipeline);
    const known = { [fingerprint]: outline };
    for (const [kept, store] of [
      [{ fingerprints: [fingerprint], outlines: known }, empty],
      [{ fingerprints: [fingerprint], outlines: {} }, empty],
      [{ fingerprints: [], outlines: known }, () => storeWith(fingerprint)],
      [nothing, () => storeWith(fingerprint)],
      // a finetune's: it may be this model's, and the fingerprint says that it is not
      [{ fingerprints: ['finetune'], outlines: { finetune: outline } }, empty],
      // what cannot be listed may be there
      [nothing, () => Promise.reject(new Error('storage is broken'))],
    ] as const) {
      const { name, readings } = await openNamed(kept, store);
      expect([name.known(), readings.mock.calls.length]).toEqual([fingerprint, 1]);
    }
  });

  it('takes a browser that keeps no files for one that has kept none', async () => {
    const refused = () => Promise.reject(new StudioError('library/write-refused', 'A private window.'));
    expect((await openNamed(nothing, refused)).name.known()).toBeNull();
  });
});

describe('the name', () => {
  it('is made once for all who ask at once, and again where it failed', async () => {
    const readings = vi.fn();
    const files = pipeline.files.map((file) => ({ ...file, bytes: file.bytes.slice() })); // not hashed yet
    const name = await pipelineName({ ...pipeline, files }, { onNamed: readings });
    const digest = vi.spyOn(crypto.subtle, 'digest').mockRejectedValue(new Error('changed'));
    await expect(name.get()).rejects.toThrow('changed');
    expect(name.known()).toBeNull();
    digest.mockRestore();
    readings.mockClear();
    expect(await Promise.all([name.get(), name.get()])).toEqual(Array(2).fill(await fingerprintOf(pipeline)));
    expect(readings).toHaveBeenCalledTimes(1);
  });
});
