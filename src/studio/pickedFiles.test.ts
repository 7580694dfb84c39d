import { describe, expect, test } from 'vitest';
import { createFile, freeName, readBack } from './pickedFiles';

/** The little of a file handle that is used; `close` stores what `damage` makes of the bytes. */
function fakeFile(
  name: string,
  {
    fails,
    damage = (bytes) => bytes,
  }: { fails?: { at: 'open' | 'write' | 'close'; error: Error }; damage?: (bytes: number[]) => number[] } = {},
) {
  const state = { stored: undefined as number[] | undefined, removed: false };
  const fail = (at: string) => (fails?.at === at ? Promise.reject(fails.error) : Promise.resolve());
  const handle = {
    name,
    getFile: async () => new Blob([Uint8Array.from(state.stored ?? [])]),
    remove: async () => void (state.removed = true),
    createWritable: async () => {
      await fail('open');
      const bytes: number[] = [];
      return {
        write: async (piece: Blob) => (
          await fail('write'), void bytes.push(...new Uint8Array(await piece.arrayBuffer()))
        ),
        close: async () => (await fail('close'), void (state.stored = damage(bytes))),
        abort: async () => undefined,
      };
    },
  };
  return { handle: handle as unknown as FileSystemFileHandle, state };
}

const content = new Blob([Uint8Array.of(1, 2, 3, 4)]);

async function save(handle: FileSystemFileHandle) {
  const file = await createFile({ kind: 'file', handle }, 'student.onnx', content.size);
  await file.write(content);
  return { file, written: { name: 'chosen.onnx', blob: await file.finish() } };
}

describe('a picked file', () => {
  test('holds what was written, and reads back', async () => {
    const { handle } = fakeFile('chosen.onnx');
    const { written } = await save(handle);
    await readBack(written, content, () => undefined, undefined);
  });

  test('that reads back otherwise is refused with the place of the first wrong byte, and removed', async () => {
    const { handle, state } = fakeFile('chosen.onnx', { damage: ([a, b, , d]) => [a!, b!, 9, d!] });
    const { file, written } = await save(handle);
    await expect(readBack(written, content, () => undefined, undefined)).rejects.toMatchObject({
      code: 'library/write-failed',
      facts: { offset: 2 },
    });
    await file.discard();
    expect(state.removed).toBe(true);
  });

  test('that is shorter than what was written is refused', async () => {
    const { handle } = fakeFile('chosen.onnx', { damage: (all) => all.slice(1) });
    await expect(save(handle)).rejects.toMatchObject({
      code: 'library/write-failed',
      facts: { neededBytes: 4, writtenBytes: 3 },
    });
  });

  test.each([
    ['write', 'QuotaExceededError', 'library/quota'],
    ['open', 'NotAllowedError', 'library/write-refused'],
    ['open', 'NoModificationAllowedError', 'library/write-failed'],
    ['close', 'AbortError', 'library/write-failed'], // the browser's safety check, not a cancel
  ] as const)('names why it was not written: %s, %s', async (at, name, code) => {
    const { handle, state } = fakeFile('chosen.onnx', { fails: { at, error: new DOMException('no', name) } });
    await expect(save(handle)).rejects.toMatchObject({ code, facts: { name: 'chosen.onnx' } });
    expect(state.stored).toBeUndefined();
  });
});

test('a piece of an opened file that has changed is told as that, not as a failure of the place', async () => {
  const { handle } = fakeFile('chosen.onnx', {
    fails: { at: 'write', error: new DOMException('no', 'NotReadableError') },
  });
  const gone = Object.assign(new Blob(['gone']), {
    slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException('no', 'NotReadableError')) }),
  });
  const file = await createFile({ kind: 'file', handle }, 'student.onnx', gone.size);
  await expect(file.write(gone)).rejects.toMatchObject({ code: 'onnx/file-changed' });
  await expect(file.write(content)).rejects.toMatchObject({ code: 'library/write-failed' });
});

test('a name is free when no ending of it is in the folder', async () => {
  const there = new Set(['a.onnx', 'a-2.onnx.data']);
  const folder = {
    getFileHandle: async (name: string) =>
      there.has(name) ? {} : Promise.reject(new DOMException('no', 'NotFoundError')),
  } as unknown as FileSystemDirectoryHandle;
  expect(await freeName(folder, 'a', ['.onnx', '.onnx.data'])).toBe('a-3');
  expect(await freeName(folder, 'b', ['.onnx', '.onnx.data'])).toBe('b');
});
