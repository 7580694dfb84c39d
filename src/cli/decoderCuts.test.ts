/**
 * Cuts of the decoder as the command line makes them: preset and ids of a plan of the whole pipeline. The truth of a
 * decoded clip is onnxruntime on the graph that `vdmini prune` writes, and the denoiser's calls are counted.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { seededNoise } from '../pipeline/seededNoise';
import { planOf, TEACHER, variantOf } from '../studio/Variant';
import { openPipelineOnDisk } from './openPipelineOnDisk';
import { temporaryFolder } from './testing/fixtureModel';
import { runCliError, runCliJson } from './testing/runCli';

const model = resolve(import.meta.dirname, '../../public/models/emoji-t2v');
test('the preset takes the mid block and what can go of the last stage; a cut of the decoder alone runs no denoiser', async () => {
  const pipeline = await openPipelineOnDisk(model, new AbortController().signal);
  try {
    const preset = pipeline.decoder!.presets.find(({ id }) => id === 'vdmini-decoder')!;
    expect(preset.plan.dropped).toEqual(['mid_block', 'up_blocks.3.resnets.1']);
    const settings = { prompt: 'a panda spins on a blue background', seed: 3, steps: 1, guidance: 1 };
    const cut = variantOf({ dropped: preset.plan.dropped.map((id) => `decoder/${id}`) });
    const request = { takes: [TEACHER, cut].map((variant) => ({ variant, settings })), previewEvery: 0 };
    const first = await pipeline.sample(request, {});
    expect(pipeline.counters().denoiserRuns).toBe(1);
    expect(first.comparisons[1]!.meanSquaredError).toBeGreaterThan(0);
    const { decoder } = pipeline.summarise(planOf(cut));
    // 164,992 of the mid block and 4,704 of the resnet, of 534,699 (AutoencoderKL's own count of parameters)
    expect(decoder).toMatchObject({ teacher: { parameters: 534_699 }, student: { parameters: 365_003 } });

    // The exported graph, run by onnxruntime alone, decodes the same latents to the same frames.
    const latent = seededNoise(5, 8 * 16 * 64); // [1, 8, 16, 8, 8]
    const frames = (await pipeline.decode(latent, cut)).pixels;
    const { files } = await pipeline.exportStudent({ variant: cut, component: 'decoder', format: 'onnx', settings });
    const session = await InferenceSession.create(new Uint8Array(await files[0]!.blob.arrayBuffer()));
    const perFrame = new Float32Array(latent.length);
    for (let frame = 0; frame < 16; frame++)
      for (let channel = 0; channel < 8; channel++)
        perFrame.set(
          latent.subarray((channel * 16 + frame) * 64, (channel * 16 + frame + 1) * 64),
          (frame * 8 + channel) * 64,
        );
    const output = await session.run({ [session.inputNames[0]!]: new Tensor('float32', perFrame, [16, 8, 8, 8]) });
    const values = output[session.outputNames[0]!]!.data as Float32Array; // [16, 3, 64, 64] in -1..1
    let worst = 0;
    for (let pixel = 0; pixel < 16 * 4096; pixel++)
      for (let colour = 0; colour < 3; colour++) {
        const at = (Math.floor(pixel / 4096) * 3 + colour) * 4096 + (pixel % 4096);
        const level = Math.min(255, Math.max(0, (values[at]! + 1) * 127.5));
        worst = Math.max(worst, Math.abs(level - frames[pixel * 4 + colour]!));
      }
    expect(worst).toBeLessThan(0.6); // rounding to 8 bits
    await session.release();
  } finally {
    await pipeline.release();
  }
}, 120_000);

test('blocks FOLDER lists what --drop of a pipeline takes, and an id that is none is refused', async () => {
  interface Listed {
    readonly id: string;
    readonly children?: readonly Listed[];
  }
  const { decoder } = await runCliJson<{ decoder: { blocks: readonly Listed[] } }>('blocks', model);
  const ids = (blocks: readonly Listed[]): string[] => blocks.flatMap((one) => [one.id, ...ids(one.children ?? [])]);
  expect(ids(decoder.blocks)).toContain('decoder/up_blocks.2.resnets.1');
  const few = ['--steps', '1', '--guidance', '1'];
  const drop = ['--drop', 'decoder/up_blocks.2.resnets.1,mid_block'];
  const compared = await runCliJson<Compared>('compare', model, ...drop, ...few);
  expect(compared.dropped).toEqual(['decoder/up_blocks.2.resnets.1', 'mid_block']);
  expect(compared.totals.decoder.teacher.parameters - compared.totals.decoder.student.parameters).toBe(18_624);
  expect(compared.gone).toEqual(expect.arrayContaining(['decoder/up_blocks.2.resnets.1', 'mid_block.resnets.0']));
  expect(await runCliError('compare', model, '--drop', 'decoder/up_blocks.9', ...few)).toMatchObject({
    code: 'blocks/unknown-id',
  });
}, 120_000);

test('each file takes what is its own of a plan of the whole pipeline; healing, which has no decoder, says so', async () => {
  const folder = await temporaryFolder();
  try {
    const plan = join(folder, 'plan.json');
    await writeFile(plan, JSON.stringify({ dropped: ['mid_block', 'decoder/up_blocks.2.resnets.1'] }));
    const out = ['--out', join(folder, 'out.onnx')];
    interface Pruned {
      readonly dropped: readonly string[];
      readonly elsewhere?: readonly string[];
      readonly saved: { readonly parameters: number };
    }
    const pruned = (file: string, ...args: readonly string[]) =>
      runCliJson<Pruned>('prune', join(model, file, 'model.onnx'), ...args, ...out);
    const whole = ['--plan', plan];
    const ofDecoder = await pruned('vae_decoder', ...whole, '--verify');
    expect(ofDecoder).toMatchObject({ dropped: ['decoder.up_blocks.2.resnets.1'], elsewhere: ['mid_block'] });
    expect(ofDecoder.saved.parameters).toBe(18_624);
    const ofDenoiser = await pruned('unet', ...whole);
    expect(ofDenoiser).toMatchObject({ dropped: ['mid_block'], elsewhere: ['decoder/up_blocks.2.resnets.1'] });
    const alone = await pruned('unet', '--drop', 'mid_block');
    expect(alone.saved).toEqual(ofDenoiser.saved);
    expect(alone.elsewhere).toBeUndefined();
    expect(
      await runCliError('prune', join(model, 'unet/model.onnx'), '--drop', 'decoder/mid_block', ...out),
    ).toMatchObject({ code: 'cli/usage', message: expect.stringContaining('is a denoiser') });
    expect(await runCliError('heal', model, ...whole, '--out', join(folder, 'healed'))).toMatchObject({
      code: 'cli/usage',
      message: expect.stringContaining('decoder/up_blocks.2.resnets.1'),
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);

test('a report repeats a cut of both with a line for each file', async () => {
  const folder = await temporaryFolder();
  try {
    const out = join(folder, 'report.html');
    const drop = ['--drop', 'mid_block,decoder/up_blocks.2.resnets.1'];
    await runCliJson('report', model, ...drop, '--steps', '1', '--guidance', '1', '--display', 'none', '--out', out);
    const lines = [...(await readFile(out, 'utf8')).matchAll(/<pre>(vdmini prune .*?)<\/pre>/g)].map(
      ([, line]) => line!,
    );
    expect(lines.map((line) => line.replace(`${model}/`, ''))).toEqual([
      'vdmini prune unet/model.onnx --drop mid_block --out student.onnx',
      'vdmini prune vae_decoder/model.onnx --drop decoder/up_blocks.2.resnets.1 --out student-decoder.onnx',
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);

interface Compared {
  readonly dropped: readonly string[];
  readonly gone: readonly string[];
  readonly totals: {
    readonly decoder: {
      readonly teacher: { readonly parameters: number };
      readonly student: { readonly parameters: number };
    };
  };
}
