/**
 * Latents to pixels. With a decoder: all frames in one batch where the graph allows, in pieces where they are large.
 * Without one: the first three latent channels as colours, which shows structure and motion but is no picture.
 */
import { toFrames } from '../../diffusion/latentFrames';
import type { PipelineDescription } from '../../diffusion/PipelineDescription';
import type { Clip } from '../../metrics/Clip';
import type { Model } from '../../onnx/model';
import type { PlainTensor, Session } from '../runtime/Runtime';
import { filled, floatValues, runtimeType, tensorOf } from '../runtime/tensors';

export type DecodeClip = (latent: Float32Array, signal?: AbortSignal) => Promise<Clip>;

/** Latent pixels that are decoded in one call: 16 frames of 32x32. */
const MOST_PIXELS_PER_CALL = 16 * 32 * 32;

/** `latent`: one clip in the denoiser's layout. */
export function clipDecoding(session: Session, model: Model, description: PipelineDescription): DecodeClip {
  const { graph } = model;
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  const main = inputs.find(({ name }) => /latent|sample|^z$/i.test(name)) ?? inputs[0]!;
  const others = inputs.filter((input) => input !== main);
  const type = runtimeType(main.type?.dataType ?? 'float32', main.name);
  const output = graph.outputs[0]!.name;
  const isVideo = main.type?.shape?.length === 5;
  const framesPerCall = isVideo ? description.latent.frames : framesAtOnce(main.type?.shape?.[0], description);
  const run = async (values: Float32Array, dims: readonly number[], frames: number): Promise<PlainTensor> => {
    const rest = others.map(({ name, type: given }) => [name, filled(runtimeType(given?.dataType ?? 'int64', name), given?.shape?.length ? [1] : [], frames)] as const);
    return (await session.run({ [main.name]: tensorOf(type, dims, values), ...Object.fromEntries(rest) }, [output]))[output]!;
  };
  return async (latent, signal) => {
    const frames = decoderInput(latent, description);
    const { channels, frames: frameCount, height, width } = description.latent;
    if (isVideo) return clipOf([await run(swapFramesAndChannels(frames, description), [1, channels, frameCount, height, width], frameCount)]);
    const parts: PlainTensor[] = [];
    const perFrame = channels * height * width;
    for (let first = 0; first < frameCount; first += framesPerCall) {
      if (first > 0) await nextTask();
      signal?.throwIfAborted();
      parts.push(await run(fixedLength(frames, first * perFrame, framesPerCall * perFrame), [framesPerCall, channels, height, width], framesPerCall));
    }
    return clipOf(parts, frameCount);
  };
}

/** How many frames go into one call: what the graph fixes, else as many as are not too large together. */
function framesAtOnce(rows: number | string | null | undefined, { latent }: PipelineDescription): number {
  if (typeof rows === 'number' && rows > 0) return rows;
  return Math.min(latent.frames, Math.max(1, Math.floor(MOST_PIXELS_PER_CALL / (latent.height * latent.width))));
}

/** Frame after frame, scaling and shift undone: [frames, channels, height, width]. */
function decoderInput(latent: Float32Array, { latent: shape, latentLayout, decoder }: PipelineDescription): Float32Array {
  const frames = toFrames(latent, latentLayout, shape);
  const { scalingFactor, shiftFactor } = decoder!;
  for (let i = 0; i < frames.length; i++) frames[i] = frames[i]! / scalingFactor + shiftFactor;
  return frames;
}

function swapFramesAndChannels(values: Float32Array, { latent }: PipelineDescription): Float32Array {
  return toFrames(values, 'BCFHW', { ...latent, frames: latent.channels, channels: latent.frames });
}

/** A part of the frames; the last one of several is filled up with zeros, which are cut off again. */
function fixedLength(values: Float32Array, start: number, length: number): Float32Array {
  const part = values.subarray(start, start + length);
  if (part.length === length) return part.slice();
  const whole = new Float32Array(length);
  whole.set(part);
  return whole;
}

/** [N, 3, H, W] parts, or one [1, 3, F, H, W], in -1 .. 1. */
function clipOf(parts: readonly PlainTensor[], frames?: number): Clip {
  const { dims } = parts[0]!;
  const isVideo = dims.length === 5;
  const [height, width] = [dims.at(-2)!, dims.at(-1)!];
  const framesPerPart = isVideo ? dims[2]! : dims[0]!;
  const frameCount = Math.min(frames ?? Infinity, framesPerPart * parts.length);
  const area = height * width;
  const [frameStride, channelStride] = isVideo ? [area, framesPerPart * area] : [3 * area, area];
  const pixels = new Uint8ClampedArray(frameCount * area * 4).fill(255);
  const values = parts.map(floatValues);
  for (let frame = 0; frame < frameCount; frame++) {
    const part = values[Math.floor(frame / framesPerPart)]!;
    const start = (frame % framesPerPart) * frameStride;
    for (let channel = 0; channel < 3; channel++) {
      for (let i = 0; i < area; i++) pixels[(frame * area + i) * 4 + channel] = (part[start + channel * channelStride + i]! / 2 + 0.5) * 255;
    }
  }
  return { frameCount, height, width, pixels };
}

/** Latents have about unit variance: -3 .. 3 becomes 0 .. 255. */
const LATENT_RANGE = 3;

/** Red, green and blue are the first three channels; grey where there are fewer. */
export function latentClip(latent: Float32Array, { latent: shape, latentLayout }: PipelineDescription): Clip {
  const { channels, frames, height, width } = shape;
  const values = toFrames(latent, latentLayout, shape);
  const area = height * width;
  const pixels = new Uint8ClampedArray(frames * area * 4).fill(255);
  for (let frame = 0; frame < frames; frame++) {
    for (let colour = 0; colour < 3; colour++) {
      const channel = channels >= 3 ? colour : 0;
      const start = (frame * channels + channel) * area;
      for (let i = 0; i < area; i++) pixels[(frame * area + i) * 4 + colour] = (values[start + i]! / (2 * LATENT_RANGE) + 0.5) * 255;
    }
  }
  return { frameCount: frames, height, width, pixels };
}

/** Lets messages in (a cancel among them): running a session does not, however often it is awaited. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
