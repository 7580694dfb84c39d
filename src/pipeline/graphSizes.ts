/**
 * Sizes for the free dimensions of a graph that is no denoiser (a text encoder, an image encoder, a decoder): one of
 * everything, texts of CLIP's length, pictures as the config says. For shapes and costs; nothing is run at them by itself.
 */
import type { Model, ValueInfo } from '../onnx/model';
import type { Config } from './configFields';
import { countField } from './configFields';

const TEXT_TOKENS = 77;
const PICTURE_SIDE = 224;
const LATENT_SIDE = 32;

/** Symbolic dimension -> size. Throws `library/invalid-config` for a malformed field. */
export function graphSizes({ graph }: Model, config: Config, configPath: string): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  const field = (name: string, otherwise: number) => countField(config, name, otherwise, configPath) ?? otherwise;
  const tokens = Math.min(TEXT_TOKENS, field('max_position_embeddings', TEXT_TOKENS));
  const sizeOf = (input: ValueInfo, axis: number, rank: number): number => {
    if (axis === 0) return 1;
    if (rank < 4) return tokens;
    const isPicture = /pixel|image/.test(input.name);
    if (axis === 1) return field(isPicture ? 'num_channels' : 'latent_channels', isPicture ? 3 : 4);
    if (axis === 2 && rank === 5) return 1;
    return isPicture ? field('image_size', PICTURE_SIDE) : LATENT_SIDE;
  };
  for (const input of graph.inputs) {
    const shape = input.type?.shape ?? [];
    shape.forEach((dim, axis) => {
      if (typeof dim === 'string' && !sizes.has(dim)) sizes.set(dim, sizeOf(input, axis, shape.length));
    });
  }
  return sizes;
}
