/** The scale of a pipeline's latents, from its autoencoder's config: what a decoder takes is in the encoder's own units. */
import type { Config } from './configFields';
import { numberField, numbersField, stringField } from './configFields';

/** The decoder takes latent / scalingFactor + shiftFactor, or per channel latent * std / scalingFactor + mean. */
export interface LatentScaling {
  readonly scalingFactor: number;
  readonly shiftFactor: number;
  readonly channels?: { readonly mean: readonly number[]; readonly std: readonly number[] };
}

/** diffusers' own default of AutoencoderKL. */
export const DEFAULT_SCALING_FACTOR = 0.18215;

/** The defaults of diffusers' other classes, where the config leaves the field out. */
const SCALING_FACTORS: Readonly<Record<string, number>> = {
  AutoencoderKLCogVideoX: 1.15258426,
  AutoencoderKLHunyuanVideo: 0.476986,
  AutoencoderKLAllegro: 0.13235,
  AutoencoderKLLTXVideo: 1,
  AutoencoderKLMochi: 1,
  AutoencoderKLWan: 1,
};

/** Throws `library/invalid-config` for a malformed field. */
export function latentScaling(config: Config, file: string): LatentScaling {
  const name = stringField(config, '_class_name', '', file);
  const mean = numbersField(config, 'latents_mean', file);
  const std = numbersField(config, 'latents_std', file);
  const assumed = SCALING_FACTORS[name] ?? (mean && name !== 'AutoencoderKL' ? 1 : DEFAULT_SCALING_FACTOR);
  return {
    scalingFactor: numberField(config, 'scaling_factor', assumed, file),
    shiftFactor: numberField(config, 'shift_factor', 0, file),
    ...(mean && std && mean.length === std.length ? { channels: { mean, std } } : {}),
  };
}
