/**
 * Feeds for a denoiser of any family: the latent, the timestep, the text, and whatever else its graph asks for. What
 * the pipeline cannot give is filled with seeded noise or the constants that published pipelines use, and noted.
 */

import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import { dataInputs } from '../onnx/graph';
import type { DataType, Dim, Model, ValueInfo } from '../onnx/model';
import type { PlainTensor } from '../runtime/Runtime';
import { elementCount, runtimeType, tensorOf } from '../runtime/tensors';
import type { Branch } from './guidance';
import { besideChannels } from './latentChannels';
import { latentDims } from './latentFrames';
import type { PipelineDescription } from './PipelineDescription';
import { PICTURE_NOISE } from './pictureNoise';
import { pipelineConventions } from './pipelineConventions';
import { POOLED_INPUT } from './pooled';
import { createScheduler } from './schedulers/createScheduler';
import { seededNoise } from './seededNoise';

/** A text embedding: [tokens, width], row-major. */
export interface TextEmbedding {
  readonly tokens: number;
  readonly width: number;
  readonly values: Float32Array;
  /** One state for the whole prompt, where the pipeline has an encoder for it. */
  readonly pooled?: Float32Array;
  /** Per token: 1 for the prompt's, 0 for padding; absent: all ones. */
  readonly mask?: Float32Array;
}

export interface DenoiserCall {
  /** One clip's latent in the denoiser's layout. */
  readonly latent: Float32Array;
  readonly timestep: number;
  /** One entry a clip of the batch. */
  readonly branches: readonly Branch[];
  readonly guidance: number;
  readonly text: Readonly<Partial<Record<Branch, TextEmbedding>>>;
  /** The latent [channels, height, width] of the picture that the clip begins with; the unconditional branch has none. */
  readonly picture?: Float32Array;
}

export interface DenoiserPlan {
  /** Largest batch that one call can take: 2 (or `mostClips`) where the batch axis is dynamic, else what the graph fixes. */
  readonly batch: number;
  /** Symbolic dimension -> size, for shape inference and cost. */
  readonly bindings: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
  /** Clips in the output of a call of so many branches: a graph of a fixed batch is always fed whole, the last branch repeated. */
  clipsOf(branches: number): number;
  feeds(call: DenoiserCall): Record<string, PlainTensor>;
}

/** StableVideoDiffusionPipeline's default: how much moves. */
const MOTION_BUCKET = 127;
const TEXT_TOKENS = 77;
const TEXT_WIDTHS = 768;

/** Reads the graph's inputs once; `feeds` is then cheap. `mostClips`: in a call, where the graph leaves their number open. */
export function planDenoiserInputs(
  model: Model,
  description: PipelineDescription,
  textTokens: number | undefined,
  mostClips = 2,
): DenoiserPlan {
  if (description.other) return inputsOfOther(description.other);
  const inputs = dataInputs(model.graph);
  const latentInput = present(inputs.find(({ name }) => name === description.denoiser.latentInput));
  const fixed = latentInput.type?.shape?.[0];
  const isFixed = typeof fixed === 'number' && fixed > 0;
  const batch = isFixed
    ? description.latentLayout === 'BCHW'
      ? Math.max(1, fixed / description.latent.frames)
      : fixed
    : mostClips;
  const bindings = bindDims(inputs, latentInput, description, batch, textTokens);
  const notes: string[] = [];
  const fillers = inputs.map((input) => fillerFor(input, description, { bindings, batch, latentInput }, notes));
  const clipsOf = (branches: number) => (isFixed ? batch : branches);
  return {
    batch,
    bindings,
    notes,
    clipsOf,
    feeds: (call) => {
      const branches = Array.from(
        { length: clipsOf(call.branches.length) },
        (_, index) => call.branches[index] ?? present(call.branches.at(-1)),
      );
      return Object.fromEntries(
        fillers.map((fill, index) => [present(inputs[index]).name, fill({ ...call, branches })]),
      );
    },
  };
}

/** A graph that is no denoiser has sizes and no calls. */
function inputsOfOther({ role, sizes }: NonNullable<PipelineDescription['other']>): DenoiserPlan {
  return {
    batch: 1,
    bindings: new Map(Object.entries(sizes)),
    notes: [],
    clipsOf: (branches) => branches,
    feeds: () => {
      throw new StudioError('engine/cannot-run', `This is ${role}, and no clip is sampled with it.`, { role });
    },
  };
}

function bindDims(
  inputs: readonly ValueInfo[],
  latentInput: ValueInfo,
  description: PipelineDescription,
  batch: number,
  textTokens = TEXT_TOKENS,
): ReadonlyMap<string, number> {
  const bindings = new Map<string, number>();
  const latent = latentDims(description.latentLayout, description.latent, batch, description.denoiser.inputChannels);
  latentInput.type?.shape?.forEach((dim, axis) => typeof dim === 'string' && bindings.set(dim, present(latent[axis])));
  for (const { name, type } of inputs) {
    const rows = TEXT_INPUT.test(name) ? batch * textRows(description) : batch;
    type?.shape?.forEach((dim, axis) => {
      if (typeof dim !== 'string' || bindings.has(dim)) return;
      const size = axis === 0 ? rows : isTimestep(name) ? batch : axis === 1 ? textTokens : TEXT_WIDTHS;
      bindings.set(dim, size);
    });
  }
  return bindings;
}

const TEXT_INPUT = /^encoder_hidden_states$|^context$|^prompt_embeds$/;

/** Rows of text a clip, where the graph leaves their number free. */
function textRows({ className, denoiser, latent }: PipelineDescription): number {
  return denoiser.textPerFrame || pipelineConventions(className).textPerFrame ? latent.frames : 1;
}

type Filler = (call: DenoiserCall) => PlainTensor;

function isTimestep(name: string): boolean {
  return /^(timesteps?|t|sigma)$/i.test(name);
}

/** The sizes of symbolic dimensions, and the batch that they hold for. */
interface BoundSizes {
  readonly bindings: ReadonlyMap<string, number>;
  readonly batch: number;
  readonly latentInput: ValueInfo;
}

function fillerFor(input: ValueInfo, description: PipelineDescription, sizes: BoundSizes, notes: string[]): Filler {
  const dataType = input.type?.dataType ?? 'float32';
  if (input === sizes.latentInput) return latentFiller(input, description);
  const largest = dimsOf(input, sizes, sizes.batch);
  const filledWith =
    (values: (call: DenoiserCall, count: number) => Float32Array): Filler =>
    (call) => {
      const dims = dimsOf(input, sizes, call.branches.length);
      return numberTensor(dataType, dims, values(call, boundedCount(input.name, dims)));
    };
  const constant = (value: (call: DenoiserCall) => number): Filler =>
    filledWith((call, count) => new Float32Array(count).fill(value(call)));
  const { timestepScale = 1, guidanceScale = 1000 } = pipelineConventions(description.className);
  if (isTimestep(input.name)) {
    notes.push(...roundedTimesteps(dataType, description, timestepScale));
    return constant(({ timestep }) => timestep * timestepScale);
  }
  if (TEXT_INPUT.test(input.name)) return textFiller(input, largest, description, notes);
  if (/^fps$/.test(input.name)) return constant(() => description.framesPerSecond);
  if (/^guidance/.test(input.name)) return constant(({ guidance }) => guidance * guidanceScale);
  if (/padding_mask/.test(input.name) && largest.length === 4) return constant(() => 0); // Cosmos: no picture is padded
  if (/mask/.test(input.name)) return filledWith(maskValues(largest.at(-1) ?? 1));
  if (/^(img|txt)_ids$/.test(input.name)) return filledWith(positionIds(input.name, description));
  if (/added_time_ids/.test(input.name)) {
    const timeIds = [description.image ? description.framesPerSecond - 1 : 6, MOTION_BUCKET, PICTURE_NOISE];
    notes.push(
      `The micro-conditioning (frames per second, motion bucket, noise augmentation) is set to ${timeIds.join(', ')}.`,
    );
    return filledWith((_, count) => Float32Array.from({ length: count }, (_, index) => present(timeIds[index % 3])));
  }
  if (description.pooledEncoder && POOLED_INPUT.test(input.name)) return filledWith(pooledRows);
  notes.push(`The input ${input.name} is not given by the pipeline: it is filled with seeded noise.`);
  let noise: Float32Array | undefined; // made with the first call: a graph that is only mapped needs none
  const made = () => (noise ??= seededNoise(0, boundedCount(input.name, largest), 7_000_000 + input.name.length));
  return filledWith((_, count) => made().slice(0, count));
}

/** What the studio makes up for one input, at most: 1 GiB of float32. No published model asks for a hundredth. */
const MOST_ELEMENTS = 2 ** 28;

/** Throws `engine/cannot-run` by name where an input is too large to be filled, or its size is no size. */
function boundedCount(name: string, dims: readonly number[]): number {
  const count = elementCount(dims);
  if (count >= 0 && count <= MOST_ELEMENTS) return count;
  throw new StudioError(
    'engine/cannot-run',
    `The input ${name} of ${dims.join(' x ')} asks for ${count.toExponential(1)} values, which nothing gives; ${MOST_ELEMENTS.toExponential(1)} are the most that are made up.`,
    { input: name, dims: dims.map(String) },
  );
}

/** A graph exported with a whole timestep takes no other, whatever the scheduler says. */
function roundedTimesteps(dataType: DataType, { scheduler, defaults }: PipelineDescription, scale: number): string[] {
  if (!/^u?int/.test(dataType)) return [];
  const between = createScheduler(scheduler, defaults.steps).steps.some(
    ({ timestep }) => !Number.isInteger(timestep * scale),
  );
  return between ? ['The graph takes whole timesteps only: those between are rounded.'] : [];
}

/** The prompt's mask, for every row of its clip's part of the input; ones where there is no text of that length. */
function maskValues(length: number): (call: DenoiserCall, count: number) => Float32Array {
  return ({ branches, text }, count) => {
    const values = new Float32Array(count).fill(1);
    const perClip = count / branches.length;
    branches.forEach((branch, index) => {
      const mask = text[branch]?.mask;
      if (mask?.length !== length || perClip % length !== 0) return;
      for (let start = 0; start < perClip; start += length) values.set(mask, index * perClip + start);
    });
    return values;
  };
}

/** Flux: a picture's tokens are told (0, row, column), the text's (0, 0, 0). */
function positionIds(
  name: string,
  { latent }: PipelineDescription,
): (call: DenoiserCall, count: number) => Float32Array {
  return (_, count) =>
    Float32Array.from({ length: count }, (_, i) => {
      if (name === 'txt_ids') return 0;
      const token = Math.floor(i / 3) % (latent.height * latent.width);
      return present([0, Math.floor(token / latent.width), token % latent.width][i % 3]);
    });
}

/** One row a branch; a branch without text has zeros. */
function pooledRows({ branches, text }: DenoiserCall, count: number): Float32Array {
  const values = new Float32Array(count);
  branches.forEach((branch, index) => values.set(text[branch]?.pooled ?? [], (index * count) / branches.length));
  return values;
}

/** The batch repeats one clip; channels beyond the latent's hold the picture in every frame, or zeros. */
function latentFiller(input: ValueInfo, description: PipelineDescription): Filler {
  const { denoiser, latent, latentLayout } = description;
  const { inputChannels } = denoiser;
  return ({ latent: clip, branches, picture }) => {
    const dims = latentDims(latentLayout, latent, branches.length, inputChannels);
    const length = boundedCount(input.name, [clip.length, inputChannels / latent.channels]);
    const values = new Float32Array(length * branches.length);
    branches.forEach((branch, index) => {
      const beside = branch === 'conditional' ? picture : undefined;
      values.set(besideChannels(clip, inputChannels, description, beside), index * length);
    });
    return numberTensor(input.type?.dataType ?? 'float32', dims, values);
  };
}

/** Text per clip, or per frame where the model folds frames into its text batch. */
function textFiller(
  input: ValueInfo,
  dims: readonly number[],
  description: PipelineDescription,
  notes: string[],
): Filler {
  const dataType = input.type?.dataType ?? 'float32';
  const declared = input.type?.shape;
  if (!description.textEncoder && !description.image?.encoder) {
    notes.push('There is no text encoder: the model is conditioned on seeded noise instead of the prompt.');
  }
  const [tokens, width] = [dims[1] ?? 1, dims[2] ?? 1];
  const cuts = pipelineConventions(description.className).cutsToPrompt && typeof declared?.[1] !== 'number';
  let standIn: Float32Array | undefined;
  const made = () => (standIn ??= seededNoise(0, boundedCount(input.name, [tokens, width]), 7_000_000));
  return ({ branches, text }) => {
    const perClip =
      typeof declared?.[0] === 'number' && declared[0] > 0 ? declared[0] / branches.length : textRows(description);
    const rows = Math.max(1, Math.round(perClip));
    const first = text[present(branches[0])];
    const prompt = cuts ? text.conditional?.mask?.reduce((sum, value) => sum + value, 0) : undefined;
    const [length, size] = first ? [prompt ?? first.tokens, first.width] : [tokens, width];
    const values = new Float32Array(boundedCount(input.name, [branches.length, rows, length, size]));
    branches.forEach((branch, index) => {
      const own =
        text[branch]?.values.subarray(0, length * size) ??
        (branch === 'conditional' ? made() : new Float32Array(length * size));
      for (let row = 0; row < rows; row++) values.set(own, (index * rows + row) * length * size);
    });
    return numberTensor(dataType, [branches.length * rows, length, size], values);
  };
}

function numberTensor(dataType: DataType, dims: readonly number[], values: Float32Array): PlainTensor {
  return tensorOf(runtimeType(dataType, 'input'), dims, values);
}

/** A call's dimensions: a symbolic first axis follows the number of its clips, unless it is another axis of the latent. */
function dimsOf({ type }: ValueInfo, { bindings, batch, latentInput }: BoundSizes, clips: number): number[] {
  const fixed = new Set(latentInput.type?.shape?.slice(1));
  return (type?.shape ?? []).map((dim, axis) => {
    const size = sizeOf(dim, bindings);
    return axis === 0 && typeof dim === 'string' && !fixed.has(dim) ? (size * clips) / batch : size;
  });
}

function sizeOf(dim: Dim, bindings: ReadonlyMap<string, number>): number {
  if (typeof dim === 'number') return dim;
  return dim === null ? 1 : (bindings.get(dim) ?? 1);
}
