import { describe, expect, test } from 'vitest';
import { memoryFolder } from '../library/testing/memoryFolder';
import type { Dim, Model } from '../onnx/model';
import { describePipeline } from './describePipeline';
import type { LatentSize } from './PipelineDescription';
import { createScheduler } from './schedulers/createScheduler';
import { bareModel } from './testing/graphs';

const T2V_GRAPH = bareModel(
  { sample: ['batch', 4, 16, 8, 8], timestep: [], encoder_hidden_states: ['batch', 24, 64] },
  { out_sample: ['batch', 4, 16, 8, 8] },
);
const DDIM = { _class_name: 'DDIMScheduler', beta_schedule: 'scaled_linear', clip_sample: false };

function t2vFiles(): Record<string, string | object> {
  return {
    'model_index.json': {
      _class_name: 'TextToVideoSDPipeline',
      scheduler: ['diffusers', 'DDIMScheduler'],
      text_encoder: ['diffusers', 'OnnxRuntimeModel'],
      tokenizer: ['transformers', 'CLIPTokenizer'],
      unet: ['diffusers', 'OnnxRuntimeModel'],
      vae_decoder: ['diffusers', 'OnnxRuntimeModel'],
      safety_checker: [null, null],
      _studio: { frames_per_second: 8, steps: 12, guidance: 4, example_prompts: ['a red apple bounces', 'a blue car'] },
    },
    'unet/model.onnx': '',
    'unet/config.json': { _class_name: 'UNet3DConditionModel', in_channels: 4, sample_size: 8 },
    'text_encoder/model.onnx': '',
    'vae_decoder/model.onnx': '',
    'vae_decoder/config.json': { scaling_factor: 0.9, shift_factor: 0.1 },
    'tokenizer/tokenizer.json': {},
    'tokenizer/tokenizer_config.json': { model_max_length: 32 },
    'scheduler/scheduler_config.json': DDIM,
  };
}

const readsT2V = async (): Promise<Model> => T2V_GRAPH;

describe('a text-to-video folder', () => {
  test.each([true, false])('is described whole (listable: %s)', async (listable) => {
    const description = await describePipeline(memoryFolder(t2vFiles(), { listable, name: 'toy' }), readsT2V);
    expect(description).toEqual({
      name: 'toy',
      className: 'TextToVideoSDPipeline',
      denoiser: { modelPath: 'unet/model.onnx', latentInput: 'sample', inputChannels: 4, outputChannels: 4 },
      textEncoder: { modelPath: 'text_encoder/model.onnx', maxTokens: 24 },
      tokenizer: { tokenizerPath: 'tokenizer/tokenizer.json', configPath: 'tokenizer/tokenizer_config.json' },
      decoder: { modelPath: 'vae_decoder/model.onnx', scalingFactor: 0.9, shiftFactor: 0.1 },
      scheduler: DDIM,
      latent: { channels: 4, frames: 16, height: 8, width: 8 },
      latentLayout: 'BCFHW',
      freeSizes: [],
      framesPerSecond: 8,
      defaults: { steps: 12, guidance: 4, prompt: 'a red apple bounces', negativePrompt: '' },
      examplePrompts: ['a red apple bounces', 'a blue car'],
      notes: [],
    });
  });

  test('with LTX’s decoder: its latents’ statistics are used where the config has them, else missed', async () => {
    const described = async (statistics: object) => {
      const files = {
        ...t2vFiles(),
        'vae_decoder/config.json': { _class_name: 'AutoencoderKLLTXVideo', ...statistics },
      };
      return describePipeline(memoryFolder(files), readsT2V);
    };
    expect((await described({})).notes).toEqual([expect.stringMatching(/latents_mean and latents_std/)]);
    const [mean, std] = [
      [0, 1, 2, 3],
      [1, 1, 2, 2],
    ];
    const { decoder, notes } = await described({ latents_mean: mean, latents_std: std });
    expect(decoder).toMatchObject({ scalingFactor: 1, channels: { mean, std } });
    expect(notes).toEqual([]);
  });

  test('tells what it was trained to know', async () => {
    const files = t2vFiles();
    const index = files['model_index.json'] as { _studio: object };
    files['model_index.json'] = { ...index, _studio: { ...index._studio, training_prompts: ['a cat spins'] } };
    const description = await describePipeline(memoryFolder(files, { name: 'toy' }), readsT2V);
    expect(description.trainingPrompts).toEqual(['a cat spins']);
  });

  test('without model_index.json is found by its folders, and says so', async () => {
    const { 'model_index.json': _, ...files } = t2vFiles();
    const description = await describePipeline(memoryFolder(files), readsT2V);
    expect(description.textEncoder?.maxTokens).toBe(24);
    expect(description.notes[0]).toMatch(/no model_index.json/);
    expect(description.defaults.guidance).toBe(7.5);
  });

  test('leaves out what the index does not list, and says what follows', async () => {
    const files = t2vFiles();
    const kept = Object.fromEntries(Object.entries(files).filter(([path]) => path.startsWith('unet/')));
    const description = await describePipeline(
      memoryFolder({ ...kept, 'model_index.json': { unet: ['diffusers', 'X'] } }),
      readsT2V,
    );
    expect(description.textEncoder).toBeUndefined();
    expect(description.decoder).toBeUndefined();
    expect(description.scheduler._class_name).toBe('DDIMScheduler');
    expect(description.defaults.guidance).toBe(1);
    expect(description.notes).toHaveLength(3);
  });

  test('a grid of noise levels in the folder is followed at its own number of steps', async () => {
    const index = (settings: object) => ({
      ...t2vFiles(),
      'model_index.json': { ...(t2vFiles()['model_index.json'] as object), _studio: settings },
      'scheduler/scheduler_config.json': { _class_name: 'FlowMatchEulerDiscreteScheduler' },
    });
    const description = await describePipeline(memoryFolder(index({ sigmas: [1, 0.9, 0.75, 0.5, 0] })), readsT2V);
    expect(description.defaults.steps).toBe(4);
    const timesteps = (steps: number) =>
      createScheduler(description.scheduler, steps).steps.map((step) => step.timestep);
    expect(timesteps(4)).toEqual([1000, 900, 750, 500]);
    expect(timesteps(2)).toEqual([1000, 1]);
    await expect(describePipeline(memoryFolder(index({ sigmas: [0.5, 0.9] })), readsT2V)).rejects.toMatchObject({
      code: 'library/invalid-config',
      facts: { field: '_studio.sigmas' },
    });
  });

  test.each([
    ['HunyuanVideoPipeline', [1000, 750, 500, 250]],
    ['LTXPipeline', [1000, 750, 500, 250]],
    ['MochiPipeline', [1000, 987.5, 975, 725]],
    ['WanPipeline', [1000, 667, 334, 1]],
  ])('%s hands its own sigmas to the scheduler', async (className, expected) => {
    const files = {
      ...t2vFiles(),
      'model_index.json': { ...(t2vFiles()['model_index.json'] as object), _class_name: className },
      'scheduler/scheduler_config.json': { _class_name: 'FlowMatchEulerDiscreteScheduler' },
    };
    const { scheduler } = await describePipeline(memoryFolder(files), readsT2V);
    const timesteps = createScheduler(scheduler, 4).steps.map((step) => step.timestep);
    timesteps.forEach((timestep, i) => expect(timestep).toBeCloseTo(expected[i]!, 3));
  });

  test('a scheduler that is not known is replaced, with a note', async () => {
    const files = {
      ...t2vFiles(),
      'scheduler/scheduler_config.json': { _class_name: 'TCDScheduler', beta_start: 0.00085 },
    };
    const description = await describePipeline(memoryFolder(files), readsT2V);
    expect(description.scheduler).toMatchObject({
      _class_name: 'DDIMScheduler',
      beta_start: 0.00085,
      clip_sample: false,
    });
    expect(description.notes.join(' ')).toMatch(/TCDScheduler is not supported.*DDIMScheduler instead/);
  });
});

describe('other families', () => {
  interface Family {
    readonly graph: Model;
    readonly config: object;
    readonly scheduler: object;
    readonly expected: object;
  }
  const families: Readonly<Record<string, Family>> = {
    'SVD: frames first, twice the channels in, sizes from the config': {
      graph: bareModel(
        {
          sample: ['b', 'f', 8, 'h', 'w'],
          timestep: [],
          encoder_hidden_states: ['b', 1, 1024],
          added_time_ids: ['b', 3],
        },
        { out_sample: ['b', 'f', 4, 'h', 'w'] },
      ),
      config: {
        _class_name: 'UNetSpatioTemporalConditionModel',
        in_channels: 8,
        out_channels: 4,
        num_frames: 14,
        sample_size: 96,
      },
      scheduler: { _class_name: 'EulerDiscreteScheduler', use_karras_sigmas: true, prediction_type: 'v_prediction' },
      expected: {
        latentLayout: 'BFCHW',
        latent: { channels: 4, frames: 14, height: 96, width: 96 },
        denoiser: { modelPath: 'unet/model.onnx', latentInput: 'sample', inputChannels: 8, outputChannels: 4 },
      },
    },
    'CogVideoX: latent frames from pixel frames': {
      graph: bareModel(
        { hidden_states: ['b', 'f', 'c', 'h', 'w'], timestep: ['b'] },
        { out: ['b', 'f', 'c', 'h', 'w'] },
      ),
      config: {
        _class_name: 'CogVideoXTransformer3DModel',
        in_channels: 16,
        sample_frames: 49,
        temporal_compression_ratio: 4,
        sample_height: 60,
        sample_width: 90,
      },
      scheduler: { _class_name: 'CogVideoXDPMScheduler', prediction_type: 'v_prediction' },
      expected: {
        latentLayout: 'BFCHW',
        latent: { channels: 16, frames: 13, height: 60, width: 90 },
        scheduler: expect.objectContaining({ _class_name: 'CogVideoXDPMScheduler' }),
      },
    },
    'Hunyuan: the guidance is an input, so no second call': {
      graph: bareModel({ hidden_states: [1, 16, 5, 12, 20], guidance: [1] }, { out: [1, 16, 5, 12, 20] }),
      config: { _class_name: 'HunyuanVideoTransformer3DModel', in_channels: 16, patch_size: 2, patch_size_t: 1 },
      scheduler: { _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 7 },
      expected: {
        latentLayout: 'BCFHW',
        latent: { channels: 16, frames: 5, height: 12, width: 20 },
        defaults: expect.objectContaining({ guidance: 1 }),
      },
    },
    'LTX: tokens, with the dynamic shift of their number': {
      graph: bareModel({ hidden_states: [1, 96, 128] }, { out: [1, 96, 128] }),
      config: { in_channels: 128, patch_size: 1, patch_size_t: 1 },
      scheduler: {
        _class_name: 'FlowMatchEulerDiscreteScheduler',
        use_dynamic_shifting: true,
        base_shift: 0.95,
        max_shift: 2.05,
        base_image_seq_len: 1024,
        max_image_seq_len: 4096,
      },
      expected: {
        latentLayout: 'BLC',
        latent: { channels: 128, frames: 1, height: 8, width: 12 },
        scheduler: expect.objectContaining({ dynamic_shift: Math.exp(0.95 + (1.1 / 3072) * (96 - 1024)) }),
      },
    },
    'Latte: a variance beside the noise': {
      graph: bareModel({ hidden_states: [1, 4, 16, 8, 8] }, { out: [1, 8, 16, 8, 8] }),
      config: { in_channels: 4, out_channels: 8, video_length: 16 },
      scheduler: { _class_name: 'DDIMScheduler' },
      expected: {
        latent: { channels: 4, frames: 16, height: 8, width: 8 },
        denoiser: expect.objectContaining({ inputChannels: 4, outputChannels: 8 }),
      },
    },
  };
  test.each(Object.entries(families))('%s', async (_, { graph, config, scheduler, expected }) => {
    const component = 'hidden_states' === graph.graph.inputs[0]!.name ? 'transformer' : 'unet';
    const folder = memoryFolder({
      'model_index.json': { [component]: ['diffusers', 'X'], scheduler: ['diffusers', 'X'] },
      [`${component}/model.onnx`]: '',
      [`${component}/config.json`]: config,
      'scheduler/scheduler_config.json': scheduler,
    });
    expect(await describePipeline(folder, async () => graph)).toMatchObject(expected);
  });
});

describe('a size that the denoiser leaves open', () => {
  const tokens = bareModel({ hidden_states: [1, 24, 8] }, { out: [1, 24, 8] });
  const open = bareModel({ hidden_states: ['b', 4, 'f', 'h', 'w'] }, { out: ['b', 4, 'f', 'h', 'w'] }, 4);
  const described = async (denoiser: Model, decoder: readonly Dim[], size: LatentSize = {}, config: object = {}) => {
    const folder = memoryFolder({
      'model_index.json': {},
      'transformer/model.onnx': '',
      'transformer/config.json': config,
      'vae_decoder/model.onnx': '',
      'vae_decoder/config.json': { scaling_factor: 1 },
    });
    const graphs = { transformer: denoiser, vae_decoder: bareModel({ latent_sample: decoder }, { sample: decoder }) };
    return describePipeline(folder, async (path) => graphs[path.split('/')[0] as keyof typeof graphs], size);
  };

  test.each<[string, Model, readonly Dim[], LatentSize, LatentSize]>([
    ['tokens: the video decoder’s', tokens, [1, 8, 2, 3, 4], {}, { frames: 2, height: 3, width: 4 }],
    [
      'tokens: what is asked for',
      tokens,
      [1, 8, 'f', 'h', 'w'],
      { frames: 3, height: 4, width: 2 },
      { frames: 3, height: 4, width: 2 },
    ],
    ['axes: the video decoder’s', open, [1, 4, 5, 6, 7], {}, { frames: 5, height: 6, width: 7 }],
    [
      'axes: the picture decoder’s, whose batch is none',
      open,
      [1, 4, 6, 7],
      { frames: 3 },
      { frames: 3, height: 6, width: 7 },
    ],
    ['axes: what is asked for', open, [1, 4, 5, 6, 7], { frames: 9 }, { frames: 9, height: 6, width: 7 }],
  ])('%s', async (_, denoiser, decoder, asked, latent) => {
    expect(await described(denoiser, decoder, asked)).toMatchObject({
      latent,
      freeSizes: ['frames', 'height', 'width'],
      notes: [expect.stringMatching(/^No scheduler/), expect.stringMatching(/^There is no text_encoder/)],
    });
  });

  test('comes before what the config says, as the decoder takes no other', async () => {
    const { latent } = await described(open, [1, 4, 5, 6, 7], {}, { sample_size: 32, num_frames: 16 });
    expect(latent).toMatchObject({ frames: 5, height: 6, width: 7 });
  });

  test('tokens of another number stay one frame, and a note says so', async () => {
    const { latent, notes } = await described(tokens, [1, 8, 'f', 'h', 'w'], { frames: 2, height: 2, width: 2 });
    expect(latent).toEqual({ channels: 8, frames: 1, height: 4, width: 6 });
    expect(notes.join(' ')).toMatch(/fixes the latent at 24 tokens; 2x2x2 was wanted.*one frame of 4x6/);
  });
});

describe('a lone denoiser', () => {
  test('one file: sizes from the graph, channels from its first convolution', async () => {
    const graph = bareModel({ x: ['b', 'd1', 'd2', 24, 32] }, { y: ['b', 'd1', 'd2', 24, 32] }, 4);
    const description = await describePipeline(memoryFolder({ 'net.onnx': '' }), async () => graph);
    expect(description).toMatchObject({
      name: 'net.onnx',
      latentLayout: 'BCFHW',
      latent: { channels: 4, frames: 16, height: 24, width: 32 },
      defaults: { guidance: 1 },
    });
    expect(description.notes.join(' ')).toMatch(/denoiser alone.*DDIMScheduler is assumed.*latent's frames: 16/);
  });

  test('what the graph leaves free may be asked for; what it fixes stays', async () => {
    const graph = bareModel({ x: ['b', 4, 'f', 24, 'w'] }, { y: ['b', 4, 'f', 24, 'w'] }, 4);
    const folder = memoryFolder({ 'net.onnx': '', 'config.json': { num_frames: 6 } });
    const { latent, freeSizes, notes } = await describePipeline(folder, async () => graph, {
      frames: 3,
      height: 8,
      width: 10,
    });
    expect(latent).toEqual({ channels: 4, frames: 3, height: 24, width: 10 });
    expect(freeSizes).toEqual(['frames', 'width']);
    expect(notes.join(' ')).toMatch(/fixes height at 24; 8 was wanted/);
  });

  test('a convolution over the third axis means frames first', async () => {
    const graph = bareModel({ x: [1, 14, 8, 24, 32] }, { y: [1, 14, 4, 24, 32] }, 8);
    const description = await describePipeline(
      memoryFolder({ 'net.onnx': '', 'net.onnx.data': '' }),
      async () => graph,
    );
    expect(description).toMatchObject({
      latentLayout: 'BFCHW',
      latent: { channels: 4, frames: 14, height: 24, width: 32 },
    });
  });

  test('a component folder alone uses the config beside the graph', async () => {
    const folder = memoryFolder(
      {
        'model.onnx': '',
        'model.onnx_data': '',
        'config.json': { in_channels: 4, num_frames: 6, sample_size: [10, 12] },
      },
      { name: 'unet' },
    );
    const graph = bareModel({ sample: ['b', 4, 'f', 'h', 'w'] }, { out: ['b', 4, 'f', 'h', 'w'] });
    expect(await describePipeline(folder, async () => graph)).toMatchObject({
      name: 'unet',
      latent: { channels: 4, frames: 6, height: 10, width: 12 },
    });
  });
});

describe('sample cases and the error each gives', () => {
  interface Case {
    readonly change: (files: Record<string, string | object>) => void;
    readonly listable?: boolean;
    readonly graph?: Model;
    readonly code: string;
    readonly names: string;
  }
  const cases: Readonly<Record<string, Case>> = {
    'model_index.json is not JSON': {
      change: (files) => (files['model_index.json'] = '{"a": '),
      code: 'library/invalid-config',
      names: 'model_index.json',
    },
    'model_index.json is a list': {
      change: (files) => (files['model_index.json'] = '[]'),
      code: 'library/invalid-config',
      names: 'model_index.json',
    },
    'a served folder with nothing in it': {
      change: (files) => Object.keys(files).forEach((path) => delete files[path]),
      listable: false,
      code: 'library/missing-file',
      names: 'model_index.json',
    },
    'the listed denoiser is not there': {
      change: (files) => delete files['unet/model.onnx'],
      code: 'library/missing-file',
      names: 'unet/model.onnx',
    },
    'the listed text encoder is not there': {
      change: (files) => delete files['text_encoder/model.onnx'],
      code: 'library/missing-file',
      names: 'text_encoder/model.onnx',
    },
    'the listed tokenizer is not there': {
      change: (files) => delete files['tokenizer/tokenizer.json'],
      code: 'library/missing-file',
      names: 'tokenizer/tokenizer.json',
    },
    'the tokenizer has no config': {
      change: (files) => delete files['tokenizer/tokenizer_config.json'],
      code: 'library/missing-file',
      names: 'tokenizer/tokenizer_config.json',
    },
    'the listed decoder is not there': {
      change: (files) => delete files['vae_decoder/model.onnx'],
      code: 'library/missing-file',
      names: 'vae_decoder/model.onnx',
    },
    'the listed scheduler is not there': {
      change: (files) => delete files['scheduler/scheduler_config.json'],
      code: 'library/missing-file',
      names: 'scheduler/scheduler_config.json',
    },
    'the denoiser config has a text where a number belongs': {
      change: (files) => (files['unet/config.json'] = { in_channels: 'four' }),
      code: 'library/invalid-config',
      names: 'unet/config.json',
    },
    'the decoder config has a text where a number belongs': {
      change: (files) => (files['vae_decoder/config.json'] = { scaling_factor: 'x' }),
      code: 'library/invalid-config',
      names: 'vae_decoder/config.json',
    },
    'the scheduler has a text where a number belongs': {
      change: (files) => (files['scheduler/scheduler_config.json'] = { ...DDIM, beta_start: 'x' }),
      code: 'library/invalid-config',
      names: 'scheduler_config.json',
    },
    'the scheduler names no class': {
      change: (files) => {
        files['scheduler/scheduler_config.json'] = { beta_start: 0.1 };
        files['model_index.json'] = { unet: ['diffusers', 'X'] };
      },
      code: 'library/invalid-config',
      names: 'scheduler/scheduler_config.json',
    },
    'the studio settings have a text where a list belongs': {
      change: (files) => (files['model_index.json'] = { unet: ['a', 'b'], _studio: { example_prompts: 'x' } }),
      code: 'library/invalid-config',
      names: 'model_index.json',
    },
    'the training prompts are no list of texts': {
      change: (files) => (files['model_index.json'] = { unet: ['a', 'b'], _studio: { training_prompts: [1] } }),
      code: 'library/invalid-config',
      names: 'training_prompts',
    },
    'only a text encoder and a decoder': {
      change: (files) => {
        delete files['model_index.json'];
        delete files['unet/model.onnx'];
      },
      code: 'library/no-model',
      names: 'text_encoder/model.onnx',
    },
    'the graph has no latent': {
      change: () => undefined,
      graph: bareModel({ input_ids: ['b', 77] }, { out: ['b', 77] }),
      code: 'blocks/no-latent-input',
      names: 'input_ids',
    },
    'the latent has six dimensions': {
      change: () => undefined,
      graph: bareModel({ sample: [1, 2, 3, 4, 5, 6] }, { out: [1] }),
      code: 'blocks/no-latent-input',
      names: '6',
    },
  };
  test.each(Object.entries(cases))('%s', async (_, { change, listable, graph, code, names }) => {
    const files = t2vFiles();
    change(files);
    const error: unknown = await describePipeline(
      memoryFolder(files, { listable }),
      async () => graph ?? T2V_GRAPH,
    ).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toContain(names);
  });
});
