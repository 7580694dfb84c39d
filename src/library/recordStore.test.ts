import { describe, expect, it } from 'vitest';
import { type RecordStore, recordStore } from './recordStore';
import { type MemoryDirectory, type MemoryFile, memoryDirectory } from './testing/memoryDirectory';

interface Head {
  readonly step: number;
}
const isHead = (value: unknown): value is Head => typeof (value as Head | null)?.step === 'number';

function storeIn(
  directory: MemoryDirectory,
  { budgetBytes = 100, whenFull = 'remove-oldest' as 'remove-oldest' | 'refuse' } = {},
): RecordStore<Head> {
  return recordStore({ directory, budgetBytes, whenFull, isHead });
}
const bytes = (value: number, length = 10) => new Uint8Array(length).fill(value);
/** Records get their time from the clock. */
const tick = () => new Promise((resolve) => setTimeout(resolve, 2));

describe('recordStore', () => {
  it('keeps the latest of each id, and nothing of those before', async () => {
    const directory = memoryDirectory();
    const store = storeIn(directory);
    for (const step of [1, 2, 3]) await store.write('one', { step }, bytes(step));
    expect(await store.read('one')).toEqual({ head: { step: 3 }, bytes: bytes(3) });
    expect(await store.list()).toMatchObject([{ id: 'one', head: { step: 3 }, sizeBytes: 10 }]);
    expect((directory.entries.get('one') as MemoryDirectory).entries.size).toBe(2);
    expect(await store.read('other')).toBeUndefined();
    await store.remove('one');
    await store.remove('one');
    expect(await store.list()).toEqual([]);
  });

  it('has the one before when it was killed at any moment of a write', async () => {
    const whole = async () => {
      const directory = memoryDirectory();
      await storeIn(directory).write('one', { step: 1 }, bytes(1));
      return directory;
    };
    // bytes half written; bytes whole and no head; a head half written
    for (const torn of [
      { 'b.bytes': bytes(2, 4) },
      { 'b.bytes': bytes(2) },
      { 'b.bytes': bytes(2), 'b.json': new TextEncoder().encode('{"sequence":2,"si') },
    ]) {
      const directory = await whole();
      const own = directory.entries.get('one') as MemoryDirectory;
      for (const [name, content] of Object.entries(torn))
        ((await own.getFileHandle(name, { create: true })) as MemoryFile).bytes = content as Uint8Array<ArrayBuffer>;
      expect(await storeIn(directory).read('one')).toEqual({ head: { step: 1 }, bytes: bytes(1) });
      await storeIn(directory).write('one', { step: 3 }, bytes(3));
      expect((await storeIn(directory).read('one'))!.head).toEqual({ step: 3 });
    }
  });

  it('removes the oldest others when the budget is full, or refuses', async () => {
    const directory = memoryDirectory();
    const store = storeIn(directory, { budgetBytes: 25 });
    for (const [index, id] of ['one', 'two', 'three'].entries()) {
      await store.write(id, { step: index }, bytes(index));
      await tick();
    }
    expect((await store.list()).map(({ id }) => id)).toEqual(['three', 'two']);
    const strict = storeIn(directory, { budgetBytes: 25, whenFull: 'refuse' });
    await expect(strict.write('four', { step: 4 }, bytes(4))).rejects.toMatchObject({ code: 'library/quota' });
    expect((await store.list()).map(({ id }) => id)).toEqual(['three', 'two']);
    await strict.write('two', { step: 5 }, bytes(5)); // its own place is free for itself
    await expect(store.write('five', { step: 5 }, bytes(5, 26))).rejects.toMatchObject({ code: 'library/quota' });
  });

  it('leaves what was there when the disk is full, and says so', async () => {
    const room = { bytes: 1000 };
    const store = storeIn(memoryDirectory(room), { budgetBytes: 1000 });
    await store.write('one', { step: 1 }, bytes(1));
    room.bytes = 5;
    await expect(store.write('one', { step: 2 }, bytes(2))).rejects.toMatchObject({ code: 'library/quota' });
    expect(await store.read('one')).toEqual({ head: { step: 1 }, bytes: bytes(1) });
  });

  it('finds bytes that are not what was written', async () => {
    const directory = memoryDirectory();
    await storeIn(directory).write('one', { step: 1 }, bytes(1));
    const file = (directory.entries.get('one') as MemoryDirectory).entries.get('a.bytes') as MemoryFile;
    file.bytes[3] = 7;
    await expect(storeIn(directory).read('one')).rejects.toMatchObject({ code: 'library/integrity' });
    file.bytes = file.bytes.slice(1);
    await expect(storeIn(directory).read('one')).rejects.toMatchObject({ code: 'library/integrity' });
  });

  it('takes heads of another shape as not stored', async () => {
    const directory = memoryDirectory();
    const other = recordStore<string>({
      directory,
      budgetBytes: 100,
      whenFull: 'refuse',
      isHead: (_): _ is string => true,
    });
    await other.write('one', 'text', bytes(1));
    expect(await storeIn(directory).list()).toEqual([]);
    expect(await storeIn(directory).read('one')).toBeUndefined();
  });
});
