import { describe, expect, test } from 'vitest';
import { memoryFolder } from '../library/testing/memoryFolder';
import type { Config } from './configFields';
import fixtures from './fixtures/tokenizers.json';
import { openTokenizer } from './openTokenizer';
import type { PipelineDescription } from './PipelineDescription';
import { createTokenizer } from './tokenizer';

interface Fixture {
  readonly name: string;
  readonly tokenizer: Config;
  readonly config: Config;
  readonly special: Config | null;
  readonly cases: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly mask: readonly number[];
  }[];
}

describe.each(fixtures as unknown as readonly Fixture[])(
  '$name against transformers',
  ({ tokenizer, config, special, cases }) => {
    const own = createTokenizer(tokenizer, { ...config, ...special });
    test.each(cases)('%j', ({ text, ids, mask }) => {
      const encoded = own.encodeWithMask(text);
      expect(Array.from(encoded.ids, Number)).toEqual(ids);
      expect(Array.from(encoded.attentionMask, Number)).toEqual(mask);
      expect(own.encode(text)).toEqual(encoded.ids);
    });
  },
);

describe('lengths', () => {
  const [clip] = fixtures as unknown as readonly Fixture[];
  test('a shorter maximum keeps the end token', () => {
    const ids = createTokenizer(clip!.tokenizer, clip!.config, 4).encode(clip!.cases[0]!.text);
    const whole = clip!.cases[0]!.ids;
    const end = createTokenizer(clip!.tokenizer, clip!.config, 4).encode('')[1];
    expect(Array.from(ids)).toEqual([...whole.slice(0, 3).map(BigInt), end]);
  });
  test('a tokenizer without a limit needs one', () => {
    expect(() => createTokenizer(clip!.tokenizer, { ...clip!.config, model_max_length: 1e30 })).toThrow(
      expect.objectContaining({ code: 'library/invalid-config' }),
    );
  });
  test('a broken tokenizer.json is an invalid config', () => {
    expect(() => createTokenizer({ model: { type: 'Unheard' } }, {}, 8)).toThrow(
      expect.objectContaining({ code: 'library/invalid-config' }),
    );
  });
});

describe('from a folder', () => {
  const [clip] = fixtures as unknown as readonly Fixture[];
  const describes = (tokenizer: object) =>
    ({ tokenizer, textEncoder: { modelPath: '', maxTokens: 24 } }) as unknown as PipelineDescription;

  test('tokenizer.json', async () => {
    const folder = memoryFolder({ 't.json': clip!.tokenizer, 'c.json': clip!.config });
    const own = await openTokenizer(folder, describes({ tokenizerPath: 't.json', configPath: 'c.json' }));
    expect(Array.from(own!.encode(clip!.cases[0]!.text), Number)).toEqual(clip!.cases[0]!.ids);
  });

  test('special_tokens_map.json and added_tokens.json come before tokenizer_config.json, the class from the index', async () => {
    const exclaiming = (fixtures as unknown as readonly Fixture[]).find(({ name }) =>
      name.includes('by special_tokens_map'),
    )!;
    const files = { 't/tokenizer.json': exclaiming.tokenizer, 't/tokenizer_config.json': exclaiming.config };
    const paths = describes({ tokenizerPath: 't/tokenizer.json', configPath: 't/tokenizer_config.json' });
    const { text, ids } = exclaiming.cases[0]!;
    const folder = memoryFolder({ ...files, 't/special_tokens_map.json': exclaiming.special! });
    expect(Array.from((await openTokenizer(folder, paths))!.encode(text), Number)).toEqual(ids);
    const { padding_side: _, ...sideless } = exclaiming.config;
    const left = memoryFolder({
      ...files,
      't/tokenizer_config.json': sideless,
      't/added_tokens.json': { cat: 700 },
      'model_index.json': { t: ['transformers', 'GemmaTokenizerFast'] },
    });
    const encoded = (await openTokenizer(left, paths))!.encodeWithMask('a cat');
    expect(encoded.attentionMask[0]).toBe(0n);
    expect(encoded.ids).toContain(700n);
  });

  test("CLIP's vocab.json and merges.txt give the same ids", async () => {
    const { vocab, merges } = clip!.tokenizer['model'] as { vocab: Record<string, number>; merges: string[][] };
    const folder = memoryFolder({
      'v.json': vocab,
      'm.txt': ['#version: 0.2', ...merges.map((pair) => pair.join(' ')), ''].join('\n'),
      'c.json': clip!.config,
    });
    const own = await openTokenizer(
      folder,
      describes({ tokenizerPath: 'v.json', mergesPath: 'm.txt', configPath: 'c.json' }),
    );
    for (const { text, ids } of clip!.cases) expect(Array.from(own!.encode(text), Number)).toEqual(ids);
  });

  test('a pipeline without text has none', async () => {
    expect(await openTokenizer(memoryFolder({}), {} as PipelineDescription)).toBeUndefined();
  });
});
