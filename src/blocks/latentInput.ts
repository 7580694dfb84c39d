/**
 * Which graph input carries what the trunk works on: the latent video by the names that exporters give, else by rank; of a
 * text encoder its token ids.
 */
import { StudioError } from '../errors/StudioError';
import type { Model, ValueInfo } from '../onnx/model';

const LATENT_NAMES = ['sample', 'latent_model_input', 'noisy_latents', 'latents', 'latent', 'hidden_states', 'x'];
const FLOATS = ['float32', 'float16', 'bfloat16', 'float64'];

const TOKENS = /^(input_?ids|token_?ids|input_tokens|tokens|ids)$/i;
/** Of as high a rank as a picture, and never what a network works on. */
const BESIDE = /mask|bias|past_|cache/i;

/** Throws `blocks/no-latent-input` when nothing fits, or when `given` names no input. */
export function findLatentInput(model: Model, given?: string): string {
  const inputs = model.graph.inputs.filter(
    ({ name, type }) => !model.graph.initializers.has(name) && (type === undefined || FLOATS.includes(type.dataType)),
  );
  const names = model.graph.inputs.map(({ name }) => name);
  if (given !== undefined) {
    if (names.includes(given)) return given;
    throw new StudioError('blocks/no-latent-input', `The graph has no input ${given}; it has ${names.join(', ')}.`, {
      inputs: names,
    });
  }
  const rank = (input: ValueInfo) => input.type?.shape?.length ?? 0;
  const named = LATENT_NAMES.find((name) =>
    inputs.some((input) => input.name === name && (rank(input) === 0 || rank(input) >= 3)),
  );
  if (named !== undefined) return named;
  // Of several inputs of the highest rank the first: exporters keep the order of the forward method.
  const highest = inputs.filter(({ name }) => !BESIDE.test(name)).toSorted((a, b) => rank(b) - rank(a))[0];
  if (highest && rank(highest) >= 3) return highest.name;
  const tokens = model.graph.inputs.find(({ name, type }) => TOKENS.test(name) && /^int/.test(type?.dataType ?? ''));
  if (tokens) return tokens.name;
  throw new StudioError(
    'blocks/no-latent-input',
    `None of the inputs (${names.join(', ')}) can be told to be the latent clip, a picture or the tokens of a text.`,
    { inputs: names },
  );
}
