/** The dimensions of the latent as the denoiser takes it, and the way between that and frame after frame. */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { LatentLayout, PipelineDescription } from './PipelineDescription';

type LatentShape = PipelineDescription['latent'];

/** The denoiser's dimensions for `batch` clips of `channels` channels (by default the latent's own). */
export function latentDims(
  layout: LatentLayout,
  latent: LatentShape,
  batch: number,
  channels = latent.channels,
): number[] {
  const { frames, height, width } = latent;
  switch (layout) {
    case 'BCFHW':
      return [batch, channels, frames, height, width];
    case 'BFCHW':
      return [batch, frames, channels, height, width];
    case 'BCHW':
      return [batch * frames, channels, height, width];
    case 'BLC':
      return [batch, frames * height * width, channels];
  }
}

export function latentLength(latent: LatentShape): number {
  return latent.channels * latent.frames * latent.height * latent.width;
}

/** Strides of (frame, channel, pixel) in one clip, in values. */
function strides(layout: LatentLayout, { channels, frames, height, width }: LatentShape): [number, number, number] {
  const area = height * width;
  switch (layout) {
    case 'BCFHW':
      return [area, frames * area, 1];
    case 'BFCHW':
    case 'BCHW':
      return [channels * area, area, 1];
    case 'BLC':
      return [area * channels, 1, channels];
  }
}

/** One clip in the denoiser's layout -> [frames, channels, height, width]. A new array. */
export function toFrames(clip: Float32Array, layout: LatentLayout, latent: LatentShape): Float32Array {
  return rearrange(clip, layout, latent, false);
}

/** [frames, channels, height, width] -> one clip in the denoiser's layout. A new array. */
export function fromFrames(frames: Float32Array, layout: LatentLayout, latent: LatentShape): Float32Array {
  return rearrange(frames, layout, latent, true);
}

function rearrange(values: Float32Array, layout: LatentLayout, latent: LatentShape, toLayout: boolean): Float32Array {
  if (values.length !== latentLength(latent))
    throw new RangeError(`${values.length} values are not one clip of ${latentLength(latent)}`);
  const result = new Float32Array(values.length);
  const [frameStride, channelStride, pixelStride] = strides(layout, latent);
  const area = latent.height * latent.width;
  let next = 0;
  for (let frame = 0; frame < latent.frames; frame++) {
    for (let channel = 0; channel < latent.channels; channel++) {
      for (let pixel = 0; pixel < area; pixel++, next++) {
        const there = frame * frameStride + channel * channelStride + pixel * pixelStride;
        if (toLayout) result[there] = values[next]!;
        else result[next] = values[there]!;
      }
    }
  }
  return result;
}
