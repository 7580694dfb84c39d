/** `vdmini generate` with the bundled model: the GIF, the JSON, the same clip for the same seed, errors. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generate } from './commands/generate';
import { bundledPipeline, temporaryFolder } from './testing/fixtureModel';
import { readGif } from './testing/readGif';
import { runCli, runCliError, runCliJson } from './testing/runCli';

interface GenerateJson {
  readonly out: string;
  readonly settings: {
    readonly prompt: string;
    readonly seed: number;
    readonly steps: number;
    readonly guidance: number;
  };
  readonly dropped: readonly string[];
  readonly clip: {
    readonly frameCount: number;
    readonly width: number;
    readonly height: number;
    readonly framesPerSecond: number;
  };
  readonly medianStepMs: number;
  readonly decodeMs: number;
}

const minutes = 60_000;
let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true }));

describe('vdmini generate', () => {
  it(
    'saves the clip as a GIF; the same seed gives the same file, another seed or a cut another',
    async () => {
      const clip = async (name: string, ...args: string[]) => {
        const out = join(folder, name);
        const result = await runCliJson<GenerateJson>(
          'generate',
          bundledPipeline,
          '--out',
          out,
          '--steps',
          '1',
          '--guidance',
          '1',
          '--scale',
          '2',
          ...args,
        );
        return { out, result, bytes: await readFile(out) };
      };
      const { out, result, bytes } = await clip(
        'first.gif',
        '--seed',
        '3',
        '--prompt',
        'a blue fish spins on a green background',
      );
      expect(result).toMatchObject({
        out,
        settings: { prompt: 'a blue fish spins on a green background', seed: 3, steps: 1, guidance: 1 },
        dropped: [],
        clip: { frameCount: 16, width: 64, height: 64, framesPerSecond: 8 },
      });
      expect(result.medianStepMs).toBeGreaterThan(0);
      expect(result.decodeMs).toBeGreaterThan(0);
      const gif = readGif(bytes);
      expect([gif.signature, gif.width, gif.height]).toEqual(['GIF89a', 128, 128]);
      expect(gif.frames).toEqual(Array(16).fill({ delay: 13, width: 128, height: 128 }));
      const again = await clip('again.gif', '--seed', '3', '--prompt', 'a blue fish spins on a green background');
      expect(again.bytes.equals(bytes)).toBe(true);
      const other = await clip('other.gif', '--seed', '4', '--prompt', 'a blue fish spins on a green background');
      expect(other.bytes.equals(bytes)).toBe(false);
      const student = await clip(
        'student.gif',
        '--seed',
        '3',
        '--prompt',
        'a blue fish spins on a green background',
        '--preset',
        'vdmini',
      );
      expect(student.result.dropped.length).toBeGreaterThan(1);
      expect(student.bytes.equals(bytes)).toBe(false);
    },
    10 * minutes,
  );

  it(
    'takes a denoiser alone, and says what it stands in for',
    async () => {
      const out = join(folder, 'latent.gif');
      const { exitStatus, stdout, stderr } = await runCli(
        'generate',
        join(bundledPipeline, 'unet', 'model.onnx'),
        '--out',
        out,
        '--steps',
        '1',
      );
      expect([exitStatus, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^Wrote .*latent\.gif: 16 frames of \d+x\d+, .*, seed 1, 1 step of \d+ ms\.\n/);
      expect(stdout).toContain('Note: There is no text encoder');
      expect(readGif(await readFile(out)).frames).toHaveLength(16);
    },
    5 * minutes,
  );

  it(
    'says what is wrong, and writes nothing then',
    async () => {
      const before = await readdir(folder);
      const out = join(folder, 'never.gif');
      const empty = await temporaryFolder();
      await mkdir(join(empty, 'unet'));
      await writeFile(join(empty, 'unet', 'config.json'), '{}');
      const cases: readonly (readonly [string, readonly string[]])[] = [
        ['cli/usage', ['--out', out]],
        ['cli/usage', [bundledPipeline]],
        ['cli/usage', [bundledPipeline, '--out', join(folder, 'absent', 'x.gif')]],
        ['cli/usage', [bundledPipeline, '--out', folder]],
        ['cli/usage', [bundledPipeline, '--out', out, '--scale', '0']],
        ['cli/usage', [bundledPipeline, '--out', out, '--seed', '-1']],
        ['library/missing-file', [join(folder, 'absent'), '--out', out]],
        ['library/no-model', [empty, '--out', out]],
        ['cli/usage', [bundledPipeline, '--out', out, '--steps', '0']],
        ['blocks/unknown-preset', [bundledPipeline, '--out', out, '--preset', 'nonsense']],
      ];
      for (const [code, args] of cases) {
        await expect(generate.run(args, new AbortController().signal), args.join(' ')).rejects.toMatchObject({ code });
      }
      const error = await runCliError('generate', bundledPipeline, '--out', out, '--drop', 'nothing.of.this.name');
      expect([error.code, error.exitStatus, error.stdout]).toEqual(['blocks/unknown-id', 1, '']);
      expect(error.message).toContain('nothing.of.this.name');
      expect(await readdir(folder)).toEqual(before);
      await rm(empty, { recursive: true });
    },
    5 * minutes,
  );
});
