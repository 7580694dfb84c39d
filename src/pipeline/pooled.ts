/** How graphs name one state for a whole prompt: the encoder's output and the denoiser's input. */
import type { Model } from '../onnx/model';

/** The denoiser's input that takes one state for a whole prompt. */
export const POOLED_INPUT = /^pooled_(projections|prompt_embeds?)$/;

/** The output of a text encoder that is one state for a whole prompt. */
export function pooledOutput({ graph }: Model): string | undefined {
  return graph.outputs.find(({ name }) => /^(pooler_output|text_embeds|pooled_output)$/.test(name))?.name;
}
