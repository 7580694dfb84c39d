/** Prompts to embeddings with the pipeline's own tokenizer and text encoder; the last few prompts are kept. */

import type { Folder } from '../library/Folder';
import type { Model } from '../onnx/model';
import { requireFiniteOutput } from '../runtime/notFinite';
import type { PlainTensor, Session } from '../runtime/Runtime';
import { floatValues } from '../runtime/tensors';
import type { TextEmbedding } from './denoiserInputs';
import { openTokenizer } from './openTokenizer';
import type { PipelineDescription } from './PipelineDescription';

export interface TextConditioning {
  embed(prompt: string): Promise<TextEmbedding>;
}

const KEPT_PROMPTS = 16;

/** `undefined` where the pipeline has no text side. */
export async function openTextConditioning(
  folder: Folder,
  description: PipelineDescription,
  model: Model | undefined,
  session: Session | undefined,
): Promise<TextConditioning | undefined> {
  const tokenizer = await openTokenizer(folder, description);
  if (!tokenizer || !model || !session) return undefined;
  const inputNames = model.graph.inputs.map(({ name }) => name).filter((name) => !model.graph.initializers.has(name));
  const output = (model.graph.outputs.find(({ name }) => name === 'last_hidden_state') ?? model.graph.outputs[0]!).name;
  const kept = new Map<string, TextEmbedding>();
  return {
    async embed(prompt) {
      const known = kept.get(prompt);
      if (known) return known;
      const { ids, attentionMask } = tokenizer.encodeWithMask(prompt);
      const row = (data: BigInt64Array): PlainTensor => ({ dataType: 'int64', dims: [1, data.length], data });
      const feeds = Object.fromEntries(
        inputNames.map((name) => [name, row(name.includes('mask') ? attentionMask : ids)]),
      );
      const hidden = (await session.run(feeds, [output]))[output]!;
      const [tokens, width] = hidden.dims.slice(-2) as [number, number];
      const embedding = { tokens, width, values: floatValues(hidden) };
      requireFiniteOutput('The text encoder', embedding.values);
      if (kept.size >= KEPT_PROMPTS) kept.delete(kept.keys().next().value!);
      kept.set(prompt, embedding);
      return embedding;
    },
  };
}
