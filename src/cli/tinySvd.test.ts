/**
 * Image to video with a whole exported pipeline of Stable Video Diffusion's classes (training/reference/svd_pipeline.py):
 * latents and frames against diffusers' own StableVideoDiffusionPipeline on the same picture and noise, then the commands.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unpackPipeline } from '../../fixtures/pipelines/unpackPipeline';
import { branchGuidance } from '../pipeline/guidance';
import { latentLength } from '../pipeline/latentFrames';
import { sampleClips } from '../pipeline/sampleClips';
import { createScheduler } from '../pipeline/schedulers/createScheduler';
import { denoise, embedConditions } from '../studio/denoise';
import type { Pipeline } from '../studio/Pipeline';
import { TEACHER } from '../studio/Variant';
import { openPipelineOnDisk } from './openPipelineOnDisk';
import { readImage } from './readImage';
import { temporaryFolder } from './testing/fixtureModel';
import { runCliError, runCliJson } from './testing/runCli';

interface Reference {
  readonly seed: number;
  readonly steps: number;
  readonly latents: readonly number[];
  readonly guided: { readonly scale: number; readonly latents: readonly number[] };
  readonly frames: readonly number[];
}

let root: string;
let folder: string;
let picture: string;
let reference: Reference;

beforeAll(async () => {
  root = await temporaryFolder();
  folder = join(root, 'tiny-svd');
  await unpackPipeline('tiny-svd', async (path, bytes) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  });
  picture = join(folder, 'picture.png');
  reference = JSON.parse(await readFile(join(folder, 'reference.json'), 'utf8')) as Reference;
});
afterAll(() => rm(root, { recursive: true }));

async function lastLatent(pipeline: Pipeline, guidance: number): Promise<Float32Array> {
  const { seed, steps } = reference;
  const settings = { prompt: '', seed, steps, guidance, image: await readImage(picture) };
  const conditions = await embedConditions(pipeline, settings);
  const { description } = pipeline;
  const sampling = sampleClips({
    scheduler: createScheduler(description.scheduler, steps),
    sides: ['take'],
    latentLength: latentLength(description.latent),
    seed,
    guidance: branchGuidance(description, guidance),
    denoise: (_, latent, timestep, branches) =>
      denoise(pipeline, TEACHER, { latent, timestep, branches, guidance, ...conditions, where: 'a step' }),
  });
  let latent: Float32Array | undefined;
  for await (const step of sampling) latent = step.sides['take']!.latent;
  return latent!;
}

/** Largest difference, next to the largest value. */
function distance(values: ArrayLike<number>, expected: readonly number[]): number {
  expect(values).toHaveLength(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(value - values[i]!))) / scale;
}

describe('a tiny Stable Video Diffusion', () => {
  it('is opened as what it is, and gives the latents and frames that diffusers gives', async () => {
    const pipeline = await openPipelineOnDisk(folder, new AbortController().signal);
    try {
      expect(pipeline.description.notes.join(' ')).toContain('a clip begins with a picture');
      expect(pipeline.description.notes.join(' ')).not.toContain('There is no text_encoder');
      expect(pipeline.description.image).toMatchObject({ width: 32, height: 32 });
      expect(pipeline.denoiser.presets.map(({ id }) => id)).toContain('vdmini');
      const latent = await lastLatent(pipeline, 1);
      expect(distance(latent, reference.latents)).toBeLessThan(1e-3);
      const { pixels } = await pipeline.decode(latent, TEACHER);
      const frames = reference.frames.map((_, at) => {
        // [4, 3, 32, 32] in 0..1 of RGBA
        const [image, place] = [Math.floor(at / 1024), at % 1024];
        return pixels[(Math.floor(image / 3) * 1024 + place) * 4 + (image % 3)]! / 255;
      });
      const worst = Math.max(...frames.map((value, i) => Math.abs(value - reference.frames[i]!)));
      expect(worst).toBeLessThan(0.006); // rounding to 8 bits, and 1e-3
    } finally {
      await pipeline.release();
    }
  }, 120_000);

  it('so with guidance, whose other branch has no picture', async () => {
    const pipeline = await openPipelineOnDisk(folder, new AbortController().signal);
    try {
      const latent = await lastLatent(pipeline, reference.guided.scale);
      expect(distance(latent, reference.guided.latents)).toBeLessThan(1e-3);
    } finally {
      await pipeline.release();
    }
  }, 120_000);

  it('is sampled and compared by the commands, with the picture asked for by name', async () => {
    const made = await runCliJson<{ settings: { image: string } }>(
      ...['generate', folder, '--image', picture, '--out', join(root, 'clip.gif')],
    );
    expect((await readFile(join(root, 'clip.gif'))).subarray(0, 3).toString()).toBe('GIF');
    expect(JSON.stringify(made.settings)).toContain('image');
    const compared = await runCliJson<{ comparison: { meanSquaredError: number } }>(
      ...['compare', folder, '--image', picture, '--preset', 'vdmini'],
    );
    expect(compared.comparison.meanSquaredError).toBeGreaterThan(0);
    const none = await runCliError(
      'generate',
      folder,
      '--image',
      join(root, 'none.png'),
      '--out',
      join(root, 'none.gif'),
    );
    expect(none.code).toBe('cli/usage');
  }, 180_000);
});
