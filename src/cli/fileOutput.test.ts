/** Output files appear whole or not at all. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePending, writeWhole } from './fileOutput';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vdmini-output-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('output files', () => {
  it('keep what was there until they are complete, then replace it', async () => {
    const target = join(folder, 'replaced');
    await writeFile(target, 'before');
    const pending = await writePending(target, new AbortController().signal, (write) => write(Buffer.from('after')));
    expect([await readFile(target, 'utf8'), await readFile(pending.temporaryPath, 'utf8'), pending.sizeBytes]).toEqual([
      'before',
      'after',
      5,
    ]);
    await pending.discard();
    expect(await readdir(folder)).toEqual(['replaced']);
    await writeWhole(target, new AbortController().signal, Buffer.from('after'));
    expect(await readFile(target, 'utf8')).toBe('after');
    expect(await readdir(folder)).toEqual(['replaced']);
  });

  it('leave nothing when the writing is interrupted or fails', async () => {
    const target = join(folder, 'never');
    const before = await readdir(folder);
    const interruption = new AbortController();
    const interrupted = writePending(target, interruption.signal, async (write) => {
      await write(new Uint8Array(10));
      interruption.abort();
      await write(new Uint8Array(10));
    });
    await expect(interrupted).rejects.toMatchObject({ name: 'AbortError' });
    const failed = writePending(target, new AbortController().signal, async (write) => {
      await write(new Uint8Array(10));
      throw new Error('the disk is on fire');
    });
    await expect(failed).rejects.toThrow('on fire');
    expect(await readdir(folder)).toEqual(before);
  });

  it('are refused where there is no folder, or where there is one instead', async () => {
    for (const target of [join(folder, 'absent', 'file'), folder]) {
      const writing = writePending(target, new AbortController().signal, async () => {});
      await expect(writing).rejects.toMatchObject({ code: 'cli/usage' });
    }
  });
});
