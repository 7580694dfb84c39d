/**
 * Latents within tensors of more channels: a denoiser's input that also holds a picture, its output that also holds a variance.
 * The latent's channels are the first, of every frame where frames come before channels.
 */
import type { PipelineDescription } from './PipelineDescription';

type Layout = Pick<PipelineDescription, 'latent' | 'latentLayout'>;

/** Runs of channels in one clip. */
const runsOf = ({ latent, latentLayout }: Layout): number =>
  latentLayout === 'BFCHW' || latentLayout === 'BCHW' ? latent.frames : 1;

/** The latent of one clip in `values` with so many channels; `values` itself where it has no others. */
export function latentChannels(values: Float32Array, channels: number, layout: Layout): Float32Array {
  if (channels === layout.latent.channels) return values;
  const runs = runsOf(layout);
  const wholeRun = values.length / runs;
  const run = (wholeRun * layout.latent.channels) / channels;
  const latent = new Float32Array(run * runs);
  for (let index = 0; index < runs; index++)
    latent.set(values.subarray(index * wholeRun, index * wholeRun + run), index * run);
  return latent;
}

/** The latent of one clip with channels beside it, so many in all: in every run those of `beside`, or zeros. */
export function besideChannels(
  latent: Float32Array,
  channels: number,
  layout: Layout,
  beside?: Float32Array,
): Float32Array {
  if (channels === layout.latent.channels) return latent;
  const runs = runsOf(layout);
  const run = latent.length / runs;
  const wholeRun = (run * channels) / layout.latent.channels;
  const whole = new Float32Array(wholeRun * runs);
  for (let index = 0; index < runs; index++) {
    whole.set(latent.subarray(index * run, (index + 1) * run), index * wholeRun);
    if (beside) whole.set(beside.subarray(0, wholeRun - run), index * wholeRun + run);
  }
  return whole;
}
