/** Whose figures a file of `plan --resume` or `analyze` holds. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fingerprintOf } from '../studio/fingerprint';
import type { Pipeline } from '../studio/Pipeline';
import { openMeasuredFile, readImportance } from './measuredFile';

const clips = [{ prompt: 'a', seed: 1, steps: 2, guidance: 1 }];
const openedAt = (frames: number, freeSizes: Pipeline['description']['freeSizes'] = ['frames']) =>
  ({
    files: [],
    description: {
      scheduler: { _class_name: 'DDIMScheduler' },
      latent: { channels: 4, frames, height: 8, width: 8 },
      freeSizes,
    },
  }) as unknown as Pipeline;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'measured-'));
});
afterAll(() => rm(folder, { recursive: true }));

test.each([
  ['open', ['frames'], 'library/integrity'],
  ['fixed', [], undefined],
] as const)('errors of another size are refused where the graph leaves it %s', async (name, freeSizes, code) => {
  const path = join(folder, `${name}.json`);
  const written = await openMeasuredFile(path, openedAt(3, freeSizes), clips);
  written.add({ plan: { dropped: ['a'] }, error: { content: 1, motion: 2, total: 3 } });
  await written.write(new AbortController().signal);
  expect((await openMeasuredFile(path, openedAt(3, freeSizes), clips)).known).toHaveLength(1);
  const other = openMeasuredFile(path, openedAt(5, freeSizes), clips);
  await (code ? expect(other).rejects.toMatchObject({ code }) : expect(other).resolves.toBeDefined());
});

test('so is the importance', async () => {
  const path = join(folder, 'importance.json');
  const model = await fingerprintOf(openedAt(3));
  await writeFile(path, JSON.stringify({ model, latentSize: '3x8x8', settings: clips, units: [] }));
  expect(await readImportance(path, openedAt(3), clips)).toEqual([]);
  await expect(readImportance(path, openedAt(5), clips)).rejects.toMatchObject({ code: 'library/integrity' });
});
