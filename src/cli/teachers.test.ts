/**
 * The bundled teachers opened and sampled as any folder is, against PyTorch: the same weights in diffusers' and
 * transformers' classes, the same noise (training/reference/teachers.py).
 */
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { measure } from '../blocks/countTotals';
import { presetNamed } from '../blocks/presets';
import { prune } from '../passes/prune';
import { TEACHER, variantOf } from '../studio/Variant';
import reference from './fixtures/teachers.json';
import { openPipelineOnDisk } from './openPipelineOnDisk';
import { readImage } from './readImage';

/** 8-bit levels, of a mean over 64 pixels. */
const TOLERANCE = 1.5;
const cells = reference.cells;
const dropping: Readonly<Record<string, string>> = {
  'emoji-t2v': 'up_blocks.1.resnets.0',
  'emoji-hy': 'transformer_blocks.2',
  'emoji-i2v': 'up_blocks.1.resnets.1',
};

describe.each(Object.entries(reference.clips))('%s', (name, expected) => {
  it(
    'gives the clip that PyTorch gives, and another one without a block',
    async () => {
      const folder = resolve(import.meta.dirname, '../../public/models', name);
      const pipeline = await openPipelineOnDisk(folder, new AbortController().signal);
      const image = pipeline.description.image ? await readImage(resolve(folder, reference.picture)) : undefined;
      try {
        const { steps, guidance } = pipeline.description.defaults;
        expect(steps).toBe(image ? 1 : 4);
        expect(pipeline.description.notes).toEqual(
          image
            ? [
                expect.stringMatching(/^Prompts have no effect/),
                expect.stringMatching(/^The micro-conditioning .* 7, 127, 0.02/),
              ]
            : [],
        );
        const settings = { prompt: reference.prompt, seed: reference.seed, steps, guidance, ...(image && { image }) };
        const dropped = [dropping[name]!];
        const takes = [TEACHER, variantOf({ dropped })].map((variant) => ({ variant, settings }));
        const { clips, comparisons } = await pipeline.sample({ takes, previewEvery: 0 }, {});
        const clip = clips[0]!;
        expect([clip.frameCount, clip.width, clip.height]).toEqual([16, 64, 64]);
        const far = expected.map((frame, f) =>
          Math.max(...frame.map((value, i) => Math.abs(value - cellMean(clip, f, i)))),
        );
        expect(Math.max(...far)).toBeLessThan(TOLERANCE);
        expect(comparisons[1]!.meanSquaredError).toBeGreaterThan(0);
      } finally {
        await pipeline.release();
      }
    },
    5 * 60_000,
  );
});

it.each(Object.keys(reference.clips))('%s takes at most 20 MB', (name) => {
  const folder = resolve(import.meta.dirname, '../../public/models', name);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => statSync(join(folder, path)));
  const bytes = files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
  expect(bytes).toBeGreaterThan(10e6);
  expect(bytes).toBeLessThanOrEqual(20e6);
});

it('VDMini’s preset fits emoji-i2v: what it leaves are the weights that PyTorch counts by the paper’s rule', async () => {
  const folder = resolve(import.meta.dirname, '../../public/models/emoji-i2v');
  const pipeline = await openPipelineOnDisk(folder, new AbortController().signal);
  try {
    const { tree, file } = pipeline.denoiser;
    const { plan } = presetNamed(tree, 'vdmini');
    const { all, withoutCut } = reference.parameters;
    const student = measure(prune(file.model, tree, plan), new Map());
    expect(tree.totals.parameters).toBe(all);
    expect(student.parameters).toBe(withoutCut);
    expect(withoutCut / all).toBeCloseTo(0.616, 3); // the paper: about 40 % of the parameters go
  } finally {
    await pipeline.release();
  }
});

/** Mean of cell `index` of [3, cells, cells] in one frame. */
function cellMean(clip: { width: number; height: number; pixels: Uint8ClampedArray }, frame: number, index: number) {
  const size = clip.width / cells;
  const [channel, row, column] = [Math.floor(index / cells ** 2), Math.floor(index / cells) % cells, index % cells];
  let sum = 0;
  for (let y = row * size; y < (row + 1) * size; y++)
    for (let x = column * size; x < (column + 1) * size; x++)
      sum += clip.pixels[((frame * clip.height + y) * clip.width + x) * 4 + channel]!;
  return sum / size ** 2;
}
