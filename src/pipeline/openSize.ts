/** What belongs to a model's figures beside the model and the clips: the size of the latent, where the graph leaves it open. */
import type { PipelineDescription } from './PipelineDescription';

/** '16x32x32', frames, height and width; undefined where the graph has one size, as most have. */
export function openSize({ freeSizes, latent }: Pick<PipelineDescription, 'freeSizes' | 'latent'>): string | undefined {
  if (freeSizes.length === 0) return undefined;
  return [latent.frames, latent.height, latent.width].join('x');
}
