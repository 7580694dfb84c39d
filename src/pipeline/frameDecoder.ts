/**
 * Latents to frames: the pipeline's decoder, per frame or per clip as its graph takes them; without a decoder the
 * first three latent channels, stretched to the range of the clip, as a picture of what is there.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them

import type { Clip } from '../metrics/Clip';
import { dataInputs, firstInput, firstOutput } from '../onnx/graph';
import type { Model } from '../onnx/model';
import { requireFiniteOutput } from '../runtime/notFinite';
import type { Feeds, PlainTensor } from '../runtime/Runtime';
import { elementCount, floatValues, outputNamed, runtimeType, tensorOf } from '../runtime/tensors';
import { toFrames } from './latentFrames';
import type { LatentScaling } from './latentScaling';
import type { PipelineDescription } from './PipelineDescription';
import { seededNoise } from './seededNoise';

/** One call of the decoder's graph. */
export type RunDecoder = (feeds: Feeds, outputs: readonly string[]) => Promise<Readonly<Record<string, PlainTensor>>>;

type RunLatent = (dims: readonly number[], values: Float32Array) => Promise<PlainTensor>;

export type FrameDecoder = (latent: Float32Array) => Promise<Clip>;

export function frameDecoder(
  description: PipelineDescription,
  model: Model | undefined,
  runDecoder: RunDecoder | undefined,
): FrameDecoder {
  const { decoder, latent, latentLayout } = description;
  if (!decoder || !model || !runDecoder)
    return async (values) => latentPicture(toFrames(values, latentLayout, latent), description);
  const input = firstInput(model.graph);
  const outputName = firstOutput(model.graph).name;
  const beside = timestepsOf(model);
  const dataType = runtimeType(input.type?.dataType ?? 'float32', input.name);
  const run = async (dims: readonly number[], values: Float32Array) =>
    outputNamed(
      await runDecoder({ ...beside, [input.name]: tensorOf(dataType, dims, values) }, [outputName]),
      outputName,
    );
  const whole = input.type?.shape?.length === 5;
  const fixed = input.type?.shape?.[0];
  const perRun = !whole && typeof fixed === 'number' && fixed > 0 ? fixed : latent.frames;
  return async (values) => {
    const frames = unscaled(toFrames(values, latentLayout, latent), description, decoder);
    if (whole) return wholeClip(frames, description, run);
    const size = latent.channels * latent.height * latent.width;
    const images: Float32Array[] = [];
    let dims: readonly number[] = [];
    for (let first = 0; first < latent.frames; first += perRun) {
      const part = new Float32Array(perRun * size); // a fixed batch is filled up with zeros at the end
      part.set(frames.subarray(first * size, Math.min(latent.frames, first + perRun) * size));
      const output = await run([perRun, latent.channels, latent.height, latent.width], part);
      dims = output.dims;
      images.push(floatValues(output));
    }
    const [channels, height, width] = dims.slice(1) as [number, number, number];
    const joined = new Float32Array(latent.frames * channels * height * width);
    images.forEach((image, index) =>
      joined.set(image.subarray(0, Math.min(image.length, joined.length - index * image.length)), index * image.length),
    );
    return toClip(joined, latent.frames, channels, height, width);
  };
}

/** Symbolic dimension -> size at which the decoder is called. */
export function decoderBindings(model: Model, { latent }: PipelineDescription): ReadonlyMap<string, number> {
  const [input] = dataInputs(model.graph);
  const shape = input?.type?.shape ?? [];
  const area = [latent.channels, latent.height, latent.width];
  const sizes =
    shape.length === 5 ? [1, latent.channels, latent.frames, latent.height, latent.width] : [latent.frames, ...area];
  return new Map(shape.flatMap((dim, axis) => (typeof dim === 'string' ? [[dim, sizes[axis] ?? 1] as const] : [])));
}

/** One call of the decoder at its bound sizes, on seeded noise: what a written decoder is compared on. */
export function decoderFeeds(
  model: Model,
  description: PipelineDescription,
  seed: number,
): Record<string, PlainTensor> {
  const bindings = decoderBindings(model, description);
  const input = firstInput(model.graph);
  const dims = (input.type?.shape ?? []).map((dim) => (typeof dim === 'string' ? bindings.get(dim)! : (dim ?? 1)));
  const dataType = runtimeType(input.type?.dataType ?? 'float32', input.name);
  return { ...timestepsOf(model), [input.name]: tensorOf(dataType, dims, seededNoise(seed, elementCount(dims))) };
}

/** A decoder that is told a noise level (LTX from 0.9.1 on) is told 0, as its pipeline does by itself: nothing is added then. */
function timestepsOf({ graph }: Model): Record<string, PlainTensor> {
  const [, ...others] = dataInputs(graph);
  const told = others.filter(({ name }) => /^(temb|t|timesteps?|decode_timesteps?)$/i.test(name));
  return Object.fromEntries(
    told.map(({ name, type }) => {
      const dims = (type?.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : 1));
      return [
        name,
        tensorOf(runtimeType(type?.dataType ?? 'float32', name), dims, new Float32Array(elementCount(dims))),
      ];
    }),
  );
}

/** From the pipeline's units to the decoder's. `frames`: [frames, channels, height, width]. */
export function unscaled(
  frames: Float32Array,
  { latent }: Pick<PipelineDescription, 'latent'>,
  scaling: LatentScaling,
): Float32Array {
  const { scalingFactor, shiftFactor, channels } = scaling;
  if (!channels || channels.mean.length !== latent.channels)
    return frames.map((value) => value / scalingFactor + shiftFactor);
  const area = latent.height * latent.width;
  return frames.map((value, i) => {
    const channel = Math.floor(i / area) % latent.channels;
    return (value * channels.std[channel]!) / scalingFactor + channels.mean[channel]!;
  });
}

/** A video decoder: [1, C, F, h, w] -> [1, 3, F', H, W]. */
async function wholeClip(frames: Float32Array, { latent }: PipelineDescription, run: RunLatent): Promise<Clip> {
  const area = latent.height * latent.width;
  const clip = new Float32Array(frames.length);
  for (let frame = 0; frame < latent.frames; frame++) {
    for (let channel = 0; channel < latent.channels; channel++) {
      clip.set(
        frames.subarray((frame * latent.channels + channel) * area, (frame * latent.channels + channel + 1) * area),
        (channel * latent.frames + frame) * area,
      );
    }
  }
  const output = await run([1, latent.channels, latent.frames, latent.height, latent.width], clip);
  const [, channels, count, height, width] = output.dims as [number, number, number, number, number];
  const values = floatValues(output);
  const perFrame = new Float32Array(values.length);
  const size = height * width;
  for (let frame = 0; frame < count; frame++) {
    for (let channel = 0; channel < channels; channel++) {
      perFrame.set(
        values.subarray((channel * count + frame) * size, (channel * count + frame + 1) * size),
        (frame * channels + channel) * size,
      );
    }
  }
  return toClip(perFrame, count, channels, height, width);
}

/** [frames, channels, height, width] in -1..1 to RGBA; one channel is shown as grey. */
function toClip(values: Float32Array, frameCount: number, channels: number, height: number, width: number): Clip {
  requireFiniteOutput('The frames that the decoder gives', values);
  const area = height * width;
  const pixels = new Uint8ClampedArray(frameCount * area * 4);
  for (let frame = 0; frame < frameCount; frame++) {
    for (let pixel = 0; pixel < area; pixel++) {
      const to = (frame * area + pixel) * 4;
      for (let colour = 0; colour < 3; colour++) {
        pixels[to + colour] = (values[(frame * channels + Math.min(colour, channels - 1)) * area + pixel]! + 1) * 127.5;
      }
      pixels[to + 3] = 255;
    }
  }
  return { frameCount, height, width, pixels };
}

/** Three standard deviations either side of the clip's mean fill the range. */
function latentPicture(frames: Float32Array, { latent }: PipelineDescription): Clip {
  const mean = frames.reduce((sum, value) => sum + value, 0) / frames.length;
  const deviation = Math.sqrt(frames.reduce((sum, value) => sum + (value - mean) ** 2, 0) / frames.length) || 1;
  return toClip(
    frames.map((value) => (value - mean) / (3 * deviation)),
    latent.frames,
    latent.channels,
    latent.height,
    latent.width,
  );
}
