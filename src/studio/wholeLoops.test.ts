/** Whole loops, from a prompt to the last latent, against diffusers' own pipelines (training/reference/pipelines.py). */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { readExportedModel } from '../../fixtures/exports/readExport';
import { memoryFolder } from '../library/testing/memoryFolder';
import type { Dim, Model } from '../onnx/model';
import { readModel } from '../onnx/readModel';
import { writeModel } from '../onnx/writeModel';
import { type DenoiserCall, planDenoiserInputs } from '../pipeline/denoiserInputs';
import { describePipeline } from '../pipeline/describePipeline';
import fixture from '../pipeline/fixtures/pipelines.json';
import { branchGuidance } from '../pipeline/guidance';
import { latentLength } from '../pipeline/latentFrames';
import type { PipelineDescription } from '../pipeline/PipelineDescription';
import { sampleClips } from '../pipeline/sampleClips';
import { createScheduler } from '../pipeline/schedulers/createScheduler';
import { bareModel } from '../pipeline/testing/graphs';
import { openTextConditioning } from '../pipeline/textConditioning';
import type { PlainTensor, Session } from '../runtime/Runtime';
import { floatValues } from '../runtime/tensors';
import { denoise, embedPrompts } from './denoise';
import type { Pipeline } from './Pipeline';
import { TEACHER } from './Variant';

interface Loop {
  readonly name: string;
  readonly steps: number;
  readonly files: Readonly<Record<string, object | number>>;
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly seed: number;
  readonly guidance: number;
  readonly last: readonly number[];
  /** A denoiser of fixtures/exports, or the inputs of one that `analyticDenoiser` stands for. */
  readonly exported?: string;
  readonly graph?: Readonly<Record<string, readonly Dim[]>> & { readonly out_channels: number };
}

type Feeds = Readonly<Record<string, PlainTensor>>;
type RunGraph = (feeds: Feeds) => Promise<PlainTensor>;

const WIDTH = 16;
const EXPORTS = new URL('../../fixtures/exports', import.meta.url).pathname;
const all = fixture.cases as unknown as readonly Loop[];
/** The longer runs, which find what needs more steps, are for the full test. */
const loops = all.filter(({ steps }) => steps < 5 || process.env['VDMINI_FULL']);

/** states[i, w] = sin(0.07 id (w + 1) + 0.3 i) (1 + mask) / 2. */
async function analyticEncoder({ input_ids, attention_mask }: Feeds): Promise<PlainTensor> {
  const [ids, mask] = [floatValues(input_ids!), floatValues(attention_mask!)];
  const data = Float32Array.from({ length: ids.length * WIDTH }, (_, at) => {
    const [i, w] = [Math.floor(at / WIDTH), at % WIDTH];
    return (Math.sin(0.07 * ids[i]! * (w + 1) + 0.3 * i) * (1 + mask[i]!)) / 2;
  });
  return { dataType: 'float32', dims: [1, ids.length, WIDTH], data };
}

/** out = 0.5 sin(x + 0.001 t + 0.3 c) + 0.1 x + 0.01 g; c: the mean of the clip's text. Channels beyond the latent's are 0. */
function analyticDenoiser(outChannels: number): RunGraph {
  return async (feeds) => {
    const latent = (feeds['sample'] ?? feeds['hidden_states'])!;
    const [x, text] = [floatValues(latent), floatValues(feeds['encoder_hidden_states']!)];
    const clips = latent.dims[0]!;
    const perClip = x.length / clips;
    const repeat = latent.dims.length === 3 ? 1 : outChannels / latent.dims[1]!;
    const data = new Float32Array(x.length * repeat);
    for (let clip = 0; clip < clips; clip++) {
      const own = text.subarray((clip * text.length) / clips, ((clip + 1) * text.length) / clips);
      const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
      const timestep = floatValues(feeds['timestep']!)[clip]!;
      const guidance = feeds['guidance'] ? floatValues(feeds['guidance'])[clip]! : 0;
      for (let i = 0; i < perClip; i++) {
        const value = x[clip * perClip + i]!;
        data[clip * perClip * repeat + i] =
          0.5 * Math.sin(value + 0.001 * timestep + 0.3 * mean) + 0.1 * value + 0.01 * guidance;
      }
    }
    return { dataType: 'float32', dims: latent.dims.map((dim, axis) => (axis === 1 ? dim * repeat : dim)), data };
  };
}

async function denoiserOf({ exported, graph }: Loop): Promise<{ model: Model; run: RunGraph }> {
  if (exported !== undefined) {
    const model = readModel(readExportedModel(EXPORTS, `${exported}/dynamo/fixed`));
    const session = await InferenceSession.create(writeModel(model), { intraOpNumThreads: 1, logSeverityLevel: 4 });
    const output = session.outputNames[0]!;
    const run: RunGraph = async (feeds) => {
      const tensors = Object.entries(feeds).map(([name, { dataType, data, dims }]) => [
        name,
        new Tensor(dataType as 'float32', data as Float32Array, dims),
      ]);
      const result = (await session.run(Object.fromEntries(tensors)))[output]!;
      return { dataType: 'float32', dims: result.dims, data: result.data as Float32Array };
    };
    return { model, run };
  }
  const { out_channels: outChannels, ...inputs } = graph!;
  const latent = inputs['sample'] ?? inputs['hidden_states']!;
  const model = bareModel(inputs, {
    out: latent.map((dim, axis) => (axis === 1 && latent.length > 3 ? outChannels : dim)),
  });
  return { model, run: analyticDenoiser(outChannels) };
}

/** The files of the folder as the reference's pipeline saved them, with names of graphs beside them. */
function folderOf({ files }: Loop) {
  const index = files['model_index.json'] as Record<string, unknown>;
  const parts = ['text_encoder', 'text_encoder_2', 'unet', 'transformer'].filter((part) => index[part]);
  const named = Object.fromEntries(
    Object.entries(files).map(([path, file]) => [path, typeof file === 'number' ? fixture.tokenizers[file]! : file]),
  );
  // the decoder is no part of the loop
  const { vae: _, ...listed } = index;
  return memoryFolder({
    ...named,
    'model_index.json': listed,
    ...Object.fromEntries(parts.map((part) => [`${part}/model.onnx`, ''])),
  });
}

async function lastLatent(loop: Loop): Promise<{ latent: Float32Array; description: PipelineDescription }> {
  const folder = folderOf(loop);
  const { model, run } = await denoiserOf(loop);
  const encoder = bareModel(
    { input_ids: ['b', 'n'], attention_mask: ['b', 'n'] },
    { last_hidden_state: ['b', 'n', WIDTH] },
  );
  const described = await describePipeline(folder, async (path) => (path.startsWith('text_encoder') ? encoder : model));
  const description = { ...described, defaults: { ...described.defaults, negativePrompt: loop.negativePrompt } };
  const session = {
    run: async (feeds: Feeds) => ({ last_hidden_state: await analyticEncoder(feeds) }),
  } as unknown as Session;
  const inputs = planDenoiserInputs(model, description, description.textEncoder?.maxTokens);
  const pipeline = {
    description,
    inputs,
    text: await openTextConditioning(folder, description, encoder, session),
    runDenoiser: (call: DenoiserCall) => run(inputs.feeds(call)),
  } as unknown as Pipeline;
  const { prompt, seed, steps, guidance } = loop;
  const text = await embedPrompts(pipeline, { prompt, seed, steps, guidance });
  const sampling = sampleClips({
    scheduler: createScheduler(description.scheduler, steps),
    sides: ['take'],
    latentLength: latentLength(description.latent),
    seed,
    guidance: branchGuidance(description, guidance),
    denoise: (_, latent, timestep, branches) =>
      denoise(pipeline, TEACHER, { latent, timestep, branches, guidance, text }),
  });
  let latent: Float32Array | undefined;
  for await (const step of sampling) latent = step.sides['take']!.latent;
  return { latent: latent!, description };
}

describe(`whole loops against diffusers ${fixture.diffusers}`, () => {
  test.each(loops.map((loop) => [loop.name, loop.steps, loop] as const))('%s in %i steps', async (_, __, loop) => {
    const { latent, description } = await lastLatent(loop);
    expect(latent).toHaveLength(loop.last.length);
    const scale = Math.max(...loop.last.map(Math.abs));
    const worst = Math.max(...loop.last.map((value, i) => Math.abs(value - latent[i]!))) / scale;
    if (process.env['VDMINI_TABLE'])
      console.log(`${loop.name} | ${loop.steps} | ${worst.toExponential(1)} | ${description.notes.join(' ')}`);
    expect(worst).toBeLessThan(1e-4);
  });
});
