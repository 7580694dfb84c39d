import { describe, expect, test } from 'vitest';
import fixtures from './fixtures/tokenizers.json';
import type { Config } from './configFields';
import { createTokenizer } from './tokenizer';

interface Fixture {
  readonly name: string;
  readonly tokenizer: Config;
  readonly config: Config;
  readonly cases: readonly { readonly text: string; readonly ids: readonly number[]; readonly mask: readonly number[] }[];
}

describe.each(fixtures as unknown as readonly Fixture[])('$name against transformers', ({ tokenizer, config, cases }) => {
  const own = createTokenizer(tokenizer, config);
  test.each(cases)('%j', ({ text, ids, mask }) => {
    const encoded = own.encodeWithMask(text);
    expect(Array.from(encoded.ids, Number)).toEqual(ids);
    expect(Array.from(encoded.attentionMask, Number)).toEqual(mask);
    expect(own.encode(text)).toEqual(encoded.ids);
  });
});

describe('lengths', () => {
  const [clip] = fixtures as unknown as readonly Fixture[];
  test('a shorter maximum keeps the end token', () => {
    const ids = createTokenizer(clip!.tokenizer, clip!.config, 4).encode(clip!.cases[0]!.text);
    const whole = clip!.cases[0]!.ids;
    const end = createTokenizer(clip!.tokenizer, clip!.config, 4).encode('')[1];
    expect(Array.from(ids)).toEqual([...whole.slice(0, 3).map(BigInt), end]);
  });
  test('a tokenizer without a limit needs one', () => {
    expect(() => createTokenizer(clip!.tokenizer, { ...clip!.config, model_max_length: 1e30 })).toThrow(expect.objectContaining({ code: 'library/invalid-config' }));
  });
  test('a broken tokenizer.json is an invalid config', () => {
    expect(() => createTokenizer({ model: { type: 'Unheard' } }, {}, 8)).toThrow(expect.objectContaining({ code: 'library/invalid-config' }));
  });
});
