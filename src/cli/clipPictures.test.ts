/** `generate` and `compare` of a model that begins with a picture: the folder's first unless one is given, and it is said. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from './testing/fixtureModel';
import { runCliJson } from './testing/runCli';

const model = 'public/models/emoji-i2v';
const picture = (name: string) => ['--image', `${model}/pictures/${name}.png`];

interface Written {
  readonly settings: { readonly image?: { readonly sha256: string } };
  readonly notes: readonly string[];
}

it('begins with the folder’s first picture where none is given, and says so', { timeout: 180_000 }, async () => {
  const folder = await temporaryFolder();
  try {
    const generated = async (name: string, ...options: string[]) => {
      const out = join(folder, `${name}.gif`);
      const written = await runCliJson<Written>('generate', model, '--out', out, ...options);
      return { ...written, gif: await readFile(out) };
    };
    const own = await generated('own');
    const rocket = await generated('rocket', ...picture('rocket'));
    const panda = await generated('panda', ...picture('panda'));
    expect(own.gif.equals(rocket.gif)).toBe(true);
    expect(own.gif.equals(panda.gif)).toBe(false);
    expect(own.settings).toEqual(rocket.settings);
    const said = (notes: readonly string[]) => notes.filter((note) => note.includes('pictures/rocket.png'));
    expect(said(own.notes)).toHaveLength(1);
    expect(said(rocket.notes)).toEqual([]);

    const compared = ['compare', model, '--drop', 'up_blocks.1.resnets.1'];
    const ofOwn = await runCliJson<Written>(...compared);
    expect(ofOwn.settings.image).toEqual(rocket.settings.image);
    expect(said(ofOwn.notes)).toHaveLength(1);
  } finally {
    await rm(folder, { recursive: true });
  }
});
