/**
 * Prompts to embeddings with the pipeline's own tokenizer and text encoder, as its class does it; the last few prompts
 * are kept.
 */

import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import type { Folder } from '../library/Folder';
import { dataInputs, firstOutput } from '../onnx/graph';
import type { Model, ValueInfo } from '../onnx/model';
import { requireFiniteOutput } from '../runtime/notFinite';
import type { PlainTensor, Session } from '../runtime/Runtime';
import { floatValues, outputNamed, runtimeType, tensorOf } from '../runtime/tensors';
import type { TextEmbedding } from './denoiserInputs';
import { openTokenizer, readTokenizer } from './openTokenizer';
import type { PipelineDescription } from './PipelineDescription';
import type { PipelineConventions } from './pipelineConventions';
import { pipelineConventions } from './pipelineConventions';
import { pooledOutput } from './pooled';
import type { EncodedText } from './tokenizer';

export interface TextConditioning {
  /** Throws `onnx/unsupported` for an encoder with an input of unknown meaning. */
  embed(prompt: string): Promise<TextEmbedding>;
}

const KEPT_PROMPTS = 16;

/** `undefined` where the pipeline has no text side. */
export async function openTextConditioning(
  folder: Folder,
  description: PipelineDescription,
  model: Model | undefined,
  session: Session | undefined,
  pooledEncoder?: { readonly model: Model; readonly session: Session },
): Promise<TextConditioning | undefined> {
  const tokenizer = await openTokenizer(folder, description);
  if (!tokenizer || !model || !session) return undefined;
  const pooledOf = pooledEncoder && (await openPooled(folder, description, pooledEncoder));
  const conventions = pipelineConventions(description.className);
  const inputs = dataInputs(model.graph);
  const output = embeddingOutput(model, conventions);
  const cropped = conventions.template?.croppedTokens ?? 0;
  const kept = new Map<string, TextEmbedding>();
  return {
    async embed(prompt) {
      const known = kept.get(prompt);
      if (known) return known;
      const nothing = prompt === '' && description.textEncoder?.zeroesEmptyPrompt;
      const encoded = nothing ? zeros(tokenizer.maxTokens) : tokenizer.encodeWithMask(prepared(prompt, conventions));
      const feeds = Object.fromEntries(inputs.map((input) => [input.name, encoderFeed(input, encoded, conventions)]));
      const hidden = outputNamed(await session.run(feeds, [output]), output);
      const mask = Float32Array.from(encoded.attentionMask, Number);
      const tokens = embeddingOf(hidden, mask, cropped, conventions);
      requireFiniteOutput('The text encoder', tokens.values);
      const embedding = pooledOf ? { ...tokens, pooled: await pooledOf(prompt) } : tokens;
      if (kept.size >= KEPT_PROMPTS) kept.delete(present(kept.keys().next().value));
      kept.set(prompt, embedding);
      return embedding;
    },
  };
}

/** One state for a whole prompt. The prompt goes in as it is: no template, no mask (HunyuanVideoPipeline). */
async function openPooled(
  folder: Folder,
  { pooledEncoder }: PipelineDescription,
  { model, session }: { readonly model: Model; readonly session: Session },
): Promise<((prompt: string) => Promise<Float32Array>) | undefined> {
  const output = pooledOutput(model);
  if (!pooledEncoder || output === undefined) return undefined;
  const tokenizer = await readTokenizer(folder, pooledEncoder.tokenizer, pooledEncoder.maxTokens);
  const inputs = dataInputs(model.graph);
  return async (prompt) => {
    const encoded = tokenizer.encodeWithMask(prompt);
    const feeds = inputs.map((input) => [input.name, encoderFeed(input, encoded, { ignoresMask: true })] as const);
    const pooled = floatValues(outputNamed(await session.run(Object.fromEntries(feeds), [output]), output));
    requireFiniteOutput('The second text encoder', pooled);
    return pooled;
  };
}

function zeros(length: number): EncodedText {
  return { ids: new BigInt64Array(length), attentionMask: new BigInt64Array(length) };
}

function prepared(prompt: string, { cleansPrompt, template }: PipelineConventions): string {
  const clean = cleansPrompt === 'spaces' ? prompt.replace(/\s+/g, ' ').trim() : prompt;
  const text = cleansPrompt === 'lower' ? clean.toLowerCase().trim() : clean;
  return template ? template.before + text + template.after : text;
}

/** `last_hidden_state`, the hidden state that the pipeline takes where the graph gives them all, or the first output. */
function embeddingOutput({ graph }: Model, { hiddenState }: PipelineConventions): string {
  const states = graph.outputs.filter(({ name }) => /^hidden_states[._]\d+$/.test(name));
  const chosen = hiddenState === undefined ? undefined : states.at(-hiddenState);
  return (chosen ?? graph.outputs.find(({ name }) => name === 'last_hidden_state') ?? firstOutput(graph)).name;
}

/** What each of a text encoder's inputs means, by its name; in the type and rank that the graph declares. */
function encoderFeed({ name, type }: ValueInfo, encoded: EncodedText, conventions: PipelineConventions): PlainTensor {
  const length = encoded.ids.length;
  const dims = type?.shape?.length === 1 ? [length] : [1, length];
  const row = (value: (index: number) => number) =>
    tensorOf(
      runtimeType(type?.dataType ?? 'int64', name),
      dims,
      Float32Array.from({ length }, (_, i) => value(i)),
    );
  if (/mask/i.test(name)) return row((i) => (conventions.ignoresMask ? 1 : Number(encoded.attentionMask[i])));
  if (/position_ids$/i.test(name)) return row((i) => i);
  if (/(token_type|segment)_ids$/i.test(name)) return row(() => 0);
  if (
    /^(input_?ids|ids|input|tokens|token_ids|prompt|text|prompt_ids|text_ids|text_input_ids|input_tokens)$/i.test(name)
  )
    return row((i) => Number(encoded.ids[i]));
  throw new StudioError('onnx/unsupported', `The text encoder has the input '${name}', whose meaning is not known.`, {
    name,
  });
}

/** Without the template's tokens; where the pipeline does so, zero past the prompt. */
function embeddingOf(
  hidden: PlainTensor,
  mask: Float32Array,
  cropped: number,
  { zeroesPastPrompt }: PipelineConventions,
): TextEmbedding {
  const [length, width] = hidden.dims.slice(-2) as [number, number];
  const tokens = length - cropped;
  const values = floatValues(hidden).slice(cropped * width);
  const prompt = mask.slice(cropped, length);
  // Wan takes as many rows as the mask has ones, from the first on
  if (zeroesPastPrompt) values.fill(0, prompt.reduce((sum, value) => sum + value, 0) * width);
  return { tokens, width, values, mask: prompt };
}
