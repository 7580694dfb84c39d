/** Prompts to the text encoder's hidden states; the last few prompts are kept. */
import { StudioError } from '../../errors/StudioError';
import type { Model } from '../../onnx/model';
import type { TextTokenizer } from '../../diffusion/tokenizer';
import type { PlainTensor, Session } from '../runtime/Runtime';
import { runtimeType } from '../runtime/tensors';

/** [1, maxTokens, width]. */
export type EncodeText = (text: string) => Promise<PlainTensor>;

const MOST_KEPT = 16;

/** Throws `onnx/unsupported` when the graph has no output that can be the hidden states. */
export function textEncoding(session: Session, model: Model, tokenizer: TextTokenizer): EncodeText {
  const { graph } = model;
  const output = hiddenStatesOutput(model);
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  const kept = new Map<string, PlainTensor>();
  return async (text) => {
    const known = kept.get(text);
    if (known) return known;
    const { ids, attentionMask } = tokenizer.encodeWithMask(text);
    const feeds = Object.fromEntries(
      inputs.map(({ name, type }) => {
        const values = /mask/i.test(name) ? attentionMask : ids;
        return [name, integers(runtimeType(type?.dataType ?? 'int64', name) === 'int32' ? 'int32' : 'int64', values)];
      }),
    );
    const encoded = (await session.run(feeds, [output]))[output]!;
    kept.set(text, encoded);
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
    return encoded;
  };
}

function hiddenStatesOutput({ graph }: Model): string {
  const named = graph.outputs.find(({ name }) => /last_hidden_state|hidden_states|prompt_embeds/.test(name));
  const output = named ?? graph.outputs.find(({ type }) => type?.shape?.length === 3) ?? (graph.outputs.length === 1 ? graph.outputs[0] : undefined);
  if (output) return output.name;
  throw new StudioError('onnx/unsupported', `None of the text encoder's outputs (${graph.outputs.map(({ name }) => name).join(', ')}) can be told to be its hidden states.`, {});
}

function integers(dataType: 'int32' | 'int64', values: BigInt64Array): PlainTensor {
  return { dataType, dims: [1, values.length], data: dataType === 'int64' ? values : Int32Array.from(values, Number) };
}
