import { describe, expect, test } from 'vitest';
import { memoryFolder } from '../library/testing/memoryFolder';
import type { DataType, Model } from '../onnx/model';
import type { PlainTensor, Session } from '../runtime/Runtime';
import fixtures from './fixtures/tokenizers.json';
import type { PipelineDescription } from './PipelineDescription';
import { bareModel } from './testing/graphs';
import { openTextConditioning } from './textConditioning';

const TOKENS = 24;
const [clip] = fixtures as unknown as readonly { tokenizer: object; config: object }[];

/** An encoder that gives 1, 2, 3... and keeps what it was fed. */
async function encoder(inputs: Readonly<Record<string, DataType>>, className?: string) {
  const shapes = Object.fromEntries(Object.keys(inputs).map((name) => [name, ['b', TOKENS] as const]));
  const bare = bareModel(shapes, { last_hidden_state: ['b', TOKENS, 2] });
  const typed = bare.graph.inputs.map((input) => ({
    ...input,
    type: { ...input.type!, dataType: inputs[input.name]! },
  }));
  const model = { ...bare, graph: { ...bare.graph, inputs: typed } } as Model;
  const fed: Record<string, PlainTensor>[] = [];
  const session = {
    run: async (feeds: Record<string, PlainTensor>) => {
      fed.push(feeds);
      const data = Float32Array.from({ length: TOKENS * 2 }, (_, i) => i + 1);
      return { last_hidden_state: { dataType: 'float32', dims: [1, TOKENS, 2], data } };
    },
  } as unknown as Session;
  const folder = memoryFolder({ 't/tokenizer.json': clip!.tokenizer, 't/tokenizer_config.json': clip!.config });
  const description = {
    ...(className ? { className } : {}),
    textEncoder: { modelPath: '', maxTokens: TOKENS },
    tokenizer: { tokenizerPath: 't/tokenizer.json', configPath: 't/tokenizer_config.json' },
  } as unknown as PipelineDescription;
  const text = (await openTextConditioning(folder, description, model, session))!;
  return { text, fed };
}

describe('inputs of a text encoder', () => {
  test('are fed by their meaning, in the type that they declare', async () => {
    const { text, fed } = await encoder({
      input_ids: 'int32',
      attention_mask: 'bool',
      position_ids: 'int64',
      token_type_ids: 'float32',
    });
    const { mask } = await text.embed('a cat');
    const { input_ids: ids, attention_mask, position_ids, token_type_ids } = fed[0]!;
    expect(ids!.data).toBeInstanceOf(Int32Array);
    expect(ids!.dims).toEqual([1, TOKENS]);
    expect([...(attention_mask!.data as Uint8Array)].reduce((sum, value) => sum + value)).toBe(4); // start, a, cat, end
    expect(mask).toEqual(Float32Array.from({ length: TOKENS }, (_, i) => (i < 4 ? 1 : 0)));
    expect(position_ids!.data).toEqual(BigInt64Array.from({ length: TOKENS }, (_, i) => BigInt(i)));
    expect(token_type_ids!.data).toEqual(new Float32Array(TOKENS));
  });

  test('of unknown meaning are refused by name', async () => {
    const { text } = await encoder({ input_ids: 'int64', style_vector: 'float32' });
    await expect(text.embed('a cat')).rejects.toMatchObject({
      code: 'onnx/unsupported',
      facts: { name: 'style_vector' },
    });
  });
});

describe('what pipelines do with the mask', () => {
  test('Wan zeroes the embedding past the prompt, CogVideoX leaves it', async () => {
    const wan = await (await encoder({ input_ids: 'int64' }, 'WanPipeline')).text.embed('a cat');
    expect([...wan.values.slice(0, 10)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 0, 0]);
    const cogVideoX = await (await encoder({ input_ids: 'int64' }, 'CogVideoXPipeline')).text.embed('a cat');
    expect([...cogVideoX.values.slice(6, 10)]).toEqual([7, 8, 9, 10]);
  });

  test.each([
    ['LTXPipeline', 24],
    ['MochiPipeline', 4],
  ])('%s gives its encoder %i ones', async (className, ones) => {
    const { text, fed } = await encoder({ input_ids: 'int64', attention_mask: 'int64' }, className);
    const { mask } = await text.embed('a cat');
    const given = fed[0]!['attention_mask']!.data as BigInt64Array;
    expect(given.reduce((sum, value) => sum + Number(value), 0)).toBe(ones);
    expect(mask!.reduce((sum, value) => sum + value)).toBe(4); // the denoiser's mask is the prompt's all the same
  });
});
