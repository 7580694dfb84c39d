/**
 * What diffusers' pipeline classes do around scheduler, text encoder and denoiser that no config file says: read off
 * their sources, per `_class_name` of model_index.json. A class that is not listed has the defaults of Stable Diffusion's kind.
 */
import type { GridRule } from './schedulers/givenGrid';

export interface PipelineConventions {
  /** The sigmas that the pipeline hands to its scheduler; absent: the scheduler's own. */
  readonly grid?: GridRule;
}

const CONVENTIONS: readonly (readonly [RegExp, PipelineConventions])[] = [
  [/^Hunyuan(Video|Skyreels|Image)/, { grid: 'linspace-above-zero' }],
  [/^Mochi/, { grid: 'linear-quadratic' }],
  [/^LTX/, { grid: 'linspace-to-step' }],
  [/^(Flux|Chroma|QwenImage|Bria|Lumina2)/, { grid: 'linspace-to-step' }],
];

export function pipelineConventions(className: unknown): PipelineConventions {
  return CONVENTIONS.find(([pattern]) => pattern.test(String(className)))?.[1] ?? {};
}
