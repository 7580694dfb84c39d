/**
 * What a graph is that is no denoiser: told by its inputs and outputs, and only where they leave no doubt, so that an
 * unusual denoiser is never refused. Not a check that a graph *is* a denoiser: see `latentInput`.
 */

import { present } from '../errors/present';
import { dataInputs } from '../onnx/graph';
import type { Graph, ValueInfo } from '../onnx/model';

/** 'a VAE decoder', 'a text encoder', ... in the words of an error; undefined for denoisers and whatever may be one. */
export function roleOf(graph: Graph): string | undefined {
  const inputs = dataInputs(graph);
  const named = (pattern: RegExp) => inputs.some(({ name }) => pattern.test(name));
  if (named(/^(timesteps?|t|sigmas?|time_?ids?|encoder_hidden_states|added_time_ids)$/i)) return undefined;
  if (named(/^input_ids$/)) return 'a text encoder';
  if (named(/^pixel_values$/)) return 'an image encoder';
  const pictures = inputs.filter((input) => rank(input) >= 4);
  const output = graph.outputs[0];
  if (pictures.length !== 1 || !output || inputs.some((input) => input !== pictures[0] && rank(input) > 1))
    return undefined;
  const input = present(pictures[0]);
  if (channels(output) === 3 && channels(input) !== 3 && (/^latent|^z$/.test(input.name) || grows(input, output)))
    return 'a VAE decoder';
  if (channels(input) === 3 && channels(output) !== 3 && (/latent|moments/.test(output.name) || grows(output, input)))
    return 'a VAE encoder';
  return undefined;
}

const rank = ({ type }: ValueInfo): number => type?.shape?.length ?? 0;

/** Both layouts of pictures and of clips in decoders have the channels second. */
function channels({ type }: ValueInfo): number | undefined {
  const dim = type?.shape?.[1];
  return typeof dim === 'number' ? dim : undefined;
}

/** The last axis of `to` is a multiple of that of `from`. */
function grows(from: ValueInfo, to: ValueInfo): boolean {
  const [a, b] = [from, to].map(({ type }) => type?.shape?.at(-1));
  return typeof a === 'number' && typeof b === 'number' && b > a && b % a === 0;
}
