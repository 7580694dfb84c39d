/** Reading configs as Python's `json` writes them, and refusing what is no JSON. */
import { expect, it } from 'vitest';
import { memoryFolder } from '../library/testing/memoryFolder';
import { readJson } from './componentFiles';

const read = (text: string) => readJson(memoryFolder({ 'config.json': text }), 'config.json');

it('takes the numbers that only Python writes, and leaves texts with their names alone', async () => {
  const text = '{"a": -Infinity, "b": [Infinity, NaN, 1], "c": "NaN, \\"-Infinity\\": NaN", "Infinity": {"NaN": NaN}}';
  expect(await read(text)).toEqual({
    a: -Infinity,
    b: [Infinity, NaN, 1],
    c: 'NaN, "-Infinity": NaN',
    Infinity: { NaN: NaN },
  });
});

it.each(['{"a": NaNs}', '{"a": - Infinity}', '{"a": Infinity,}', '{"a": inf}', '[NaN]', 'NaN'])(
  'refuses %s',
  async (text) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'library/invalid-config' });
  },
);

it('refuses what is too large to be a config before it is read', async () => {
  const huge = { sizeBytes: 11e6, read: () => Promise.reject(new Error('it was read')) };
  const folder = { ...memoryFolder({}), open: async () => huge };
  await expect(readJson(folder, 'unet/config.json')).rejects.toMatchObject({
    code: 'library/invalid-config',
    message: expect.stringContaining('unet/config.json'),
  });
  await expect(readJson(folder, 'tokenizer/tokenizer.json')).rejects.toThrow('it was read');
});
