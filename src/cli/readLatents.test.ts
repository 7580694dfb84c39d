/** Files that NumPy wrote, in base64: np.save of [[1.5, -2, 3], [0.25, 5, -6]]. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readLatents } from './readLatents';
import { temporaryFolder } from './testing/fixtureModel';

const FLOAT32 =
  'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAMA/AAAAwAAAQEAAAIA+AACgQAAAwMA=';
/** With a batch of one before it. */
const FLOAT16 =
  'k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsIDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAPgDAAEIANABFAMY=';
const REFUSED = {
  'of float64':
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  'of another shape':
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  'in Fortran’s order':
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
};

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true }));

async function put(name: string, base64: string, prompt?: string): Promise<void> {
  await writeFile(join(folder, `${name}.npy`), Buffer.from(base64, 'base64'));
  if (prompt !== undefined) await writeFile(join(folder, `${name}.txt`), prompt);
}

it('reads clips with their prompts, by name', async () => {
  await put('b', FLOAT16, 'a cat spins\n');
  await put('a', FLOAT32, 'a dog');
  const { clips, fingerprint } = await readLatents(folder, [2, 3]);
  expect(clips.map(({ prompt }) => prompt)).toEqual(['a dog', 'a cat spins']);
  for (const { latent } of clips) expect([...latent]).toEqual([1.5, -2, 3, 0.25, 5, -6]);
  await put('a', FLOAT32, 'another');
  expect((await readLatents(folder, [2, 3])).fingerprint).not.toBe(fingerprint);
});

it.each(Object.entries(REFUSED))('refuses a file %s', async (_, base64) => {
  await put('a', base64, 'words');
  await expect(readLatents(folder, [2, 3])).rejects.toMatchObject({ code: 'library/read-failed' });
});

it('refuses clips without words, files that are cut, and empty folders', async () => {
  await expect(readLatents(folder, [2, 3])).rejects.toMatchObject({ code: 'cli/usage' });
  await put('a', FLOAT32);
  await expect(readLatents(folder, [2, 3])).rejects.toMatchObject({ code: 'library/missing-file' });
  await put('a', FLOAT32.slice(0, -8), 'words');
  await expect(readLatents(folder, [2, 3])).rejects.toMatchObject({ code: 'library/read-failed' });
  await put('a', 'AAAAAAAAAAAAAAAAAAAA', 'words');
  await expect(readLatents(folder, [2, 3])).rejects.toMatchObject({ code: 'library/read-failed' });
});
