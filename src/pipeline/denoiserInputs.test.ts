import { describe, expect, it } from 'vitest';
import { memoryFolder } from '../library/testing/memoryFolder';
import type { Dim } from '../onnx/model';
import { denoise } from '../studio/denoise';
import type { Pipeline } from '../studio/Pipeline';
import { TEACHER } from '../studio/Variant';
import type { DenoiserCall } from './denoiserInputs';
import { planDenoiserInputs } from './denoiserInputs';
import { describePipeline } from './describePipeline';
import type { Branch } from './guidance';
import { bareModel } from './testing/graphs';

async function planFor(batch: Dim) {
  const model = bareModel(
    { sample: [batch, 4, 2, 3, 3], timestep: [], encoder_hidden_states: [batch, 5, 6] },
    { out_sample: [batch, 4, 2, 3, 3] },
  );
  const folder = memoryFolder({ 'model.onnx': '' }, { listable: true, name: 'model.onnx' });
  const description = await describePipeline(folder, async () => model);
  return { description, inputs: planDenoiserInputs(model, description, undefined) };
}

const call = (branches: readonly Branch[]): DenoiserCall => ({
  latent: Float32Array.from({ length: 72 }, (_, i) => i),
  timestep: 500,
  branches,
  guidance: 1,
  text: {
    conditional: { tokens: 5, width: 6, values: new Float32Array(30).fill(1) },
    unconditional: { tokens: 5, width: 6, values: new Float32Array(30) },
  },
});

describe('a graph that was exported for both branches of guidance', () => {
  it('gets both when there is no guidance: the one there is, twice', async () => {
    const { inputs } = await planFor(2);
    const { sample, encoder_hidden_states: text } = inputs.feeds(call(['conditional']));
    expect(sample!.dims).toEqual([2, 4, 2, 3, 3]);
    expect(sample!.data.slice(0, 72)).toEqual(sample!.data.slice(72));
    expect(text!.dims).toEqual([2, 5, 6]);
    expect([...(text!.data as Float32Array)]).toEqual(new Array(60).fill(1));
  });

  it('gives one clip of output for one branch', async () => {
    const { inputs, description } = await planFor(2);
    const runDenoiser = async (given: DenoiserCall) => inputs.feeds(given)['sample']!;
    const parts = { inputs, description, runDenoiser } as unknown as Pipeline;
    const { latent, ...rest } = call(['conditional']);
    expect(await denoise(parts, TEACHER, { latent, ...rest })).toEqual([latent]);
    expect(await denoise(parts, TEACHER, { ...rest, latent, branches: ['unconditional', 'conditional'] })).toEqual([
      latent,
      latent,
    ]);
  });

  it('is not padded where the batch is free', async () => {
    const { inputs } = await planFor('batch');
    expect(inputs.feeds(call(['conditional']))['sample']!.dims).toEqual([1, 4, 2, 3, 3]);
    expect(inputs.feeds(call(['unconditional', 'conditional']))['encoder_hidden_states']!.dims).toEqual([2, 5, 6]);
  });
});

describe('text with a row a frame', () => {
  const free = ['batch', 4, 'frames', 3, 3];
  const ofFamily = async (index: object, config: object) => {
    const model = bareModel(
      { sample: free, timestep: [], encoder_hidden_states: ['batch_frames', 5, 6] },
      { out_sample: free },
    );
    const folder = memoryFolder({ 'model_index.json': index, 'unet/model.onnx': '', 'unet/config.json': config });
    const description = await describePipeline(folder, async () => model, { frames: 2 });
    return planDenoiserInputs(model, description, undefined);
  };
  const rowsOf = (inputs: Awaited<ReturnType<typeof ofFamily>>) => {
    const both = inputs.feeds(call(['unconditional', 'conditional']))['encoder_hidden_states']!;
    return { bound: inputs.bindings.get('batch_frames'), dims: both.dims, values: [...(both.data as Float32Array)] };
  };

  it.each([
    ['the pipeline', { _class_name: 'AnimateDiffPipeline' }, {}],
    ['the denoiser', {}, { _class_name: 'UNetMotionModel' }],
  ])('is fed so where their number is free: %s is AnimateDiff’s', async (_, index, config) => {
    const { bound, dims, values } = rowsOf(await ofFamily(index, config));
    expect(bound).toBe(4);
    expect(dims).toEqual([4, 5, 6]);
    expect(values).toEqual([...new Array(60).fill(0), ...new Array(60).fill(1)]);
  });

  it('is no other family’s', async () => {
    const { bound, dims } = rowsOf(await ofFamily({ _class_name: 'TextToVideoSDPipeline' }, {}));
    expect([bound, dims]).toEqual([2, [2, 5, 6]]);
  });
});

describe('an input that nothing gives', () => {
  const planWith = async (shape: readonly Dim[]) => {
    const inputs = { sample: [1, 4, 2, 3, 3], timestep: [], extra: shape, encoder_hidden_states: [1, 5, 6] };
    const model = bareModel(inputs, { out_sample: [1, 4, 2, 3, 3] });
    const folder = memoryFolder({ 'model.onnx': '' }, { listable: true, name: 'model.onnx' });
    const description = await describePipeline(folder, async () => model);
    return planDenoiserInputs(model, description, undefined);
  };

  it('is filled with the same noise in every call', async () => {
    const inputs = await planWith([3, 5]);
    expect(inputs.notes.join()).toContain('extra');
    const [one, two] = [inputs.feeds(call(['conditional'])), inputs.feeds(call(['conditional']))];
    expect(one['extra']!.dims).toEqual([3, 5]);
    expect(one['extra']!.data).toEqual(two['extra']!.data);
  });

  it.each([[[2 ** 20, 2 ** 20]], [[2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1]], [[2 ** 28 + 1]]])(
    'is refused by name where it is too large to be made up: %j. Nothing is made before the first call',
    async (shape) => {
      const inputs = await planWith(shape);
      expect(() => inputs.feeds(call(['conditional']))).toThrow(
        expect.objectContaining({ code: 'engine/cannot-run', message: expect.stringContaining('extra') }),
      );
    },
  );
});
