/** `analyze` of a model that begins with a picture: the folder's own unless others are given, which is no matter of taste. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { UnitImportance } from '../studio/importance';
import { runCli, runCliError } from './testing/runCli';

const model = 'public/models/emoji-i2v';

interface Written {
  readonly settings: readonly { readonly seed: number; readonly image: { readonly sha256: string } }[];
  readonly units: readonly UnitImportance[];
}

it('measures on pictures, names them by content, and refuses them where none is taken', {
  timeout: 180_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pictures-'));
  try {
    const analyzed = async (name: string, ...options: string[]) => {
      const out = join(folder, name);
      const stages = ['--units', 'stages', '--json'];
      const { exitStatus, stdout } = await runCli('analyze', model, ...stages, '--out', out, ...options);
      expect(exitStatus).toBe(0);
      const text = await readFile(out, 'utf8');
      expect(stdout).toBe(text);
      expect(text.length).toBeLessThan(100_000); // no pixels
      return JSON.parse(text) as Written;
    };
    const own = await analyzed('own.json');
    const [rocket, panda] = ['rocket', 'panda'].map((picture) => ['--image', `${model}/pictures/${picture}.png`]);
    const both = await analyzed('both.json', ...panda!, ...rocket!);
    expect(own.settings).toHaveLength(1);
    expect(both.settings.map(({ seed }) => seed)).toEqual([1, 1]);
    expect(both.settings[1]).toEqual(own.settings[0]); // the rocket is the folder's first
    expect(both.settings[0]!.image.sha256).not.toBe(own.settings[0]!.image.sha256);
    const damages = ({ units }: Written) => units.map(({ output }) => output.total);
    expect(damages(both)).not.toEqual(damages(own));
    expect(both.units.some(({ output }) => output.halfInterval > 0)).toBe(true);
    const refused = ['analyze', 'public/models/emoji-t2v', '--out', join(folder, 'x.json'), ...rocket!];
    expect((await runCliError(...refused)).code).toBe('cli/usage');
  } finally {
    await rm(folder, { recursive: true });
  }
});
