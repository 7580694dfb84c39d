/** Tokenizers that were made to harm: each is refused as a StudioError or does its work, in little time and memory. */
import { describe, expect, it } from 'vitest';
import { StudioError } from '../errors/StudioError';
import type { Config } from './configFields';
import fixtures from './fixtures/tokenizers.json';
import { createTokenizer } from './tokenizer';

const [clip] = fixtures as unknown as readonly { readonly tokenizer: Config; readonly config: Config }[];
const { tokenizer, config } = clip!;
const model = tokenizer['model'] as Readonly<Record<string, unknown>>;
const splitBy = (Regex: string): Config => ({
  ...tokenizer,
  pre_tokenizer: { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false },
});

/** What came of it: the code of a refusal, or the number of ids. Anything else that is thrown is a defect. */
function outcome(json: unknown, settings: unknown, text = 'a cat', maxTokens?: number): string | number {
  try {
    return createTokenizer(json as Config, settings as Config, maxTokens).encode(text).length;
  } catch (thrown) {
    if (thrown instanceof StudioError && thrown.code !== 'internal') return thrown.code;
    throw thrown;
  }
}

describe('hostile tokenizers', () => {
  it.each([0, -1, 1.5, 1e6, 2 ** 53 - 1, 1e30, NaN, Infinity, '77x', '', null, [], {}, 'x'])(
    'with a model_max_length of %j are refused',
    (length) => {
      expect(outcome(tokenizer, { ...config, model_max_length: length })).toBe('library/invalid-config');
    },
  );

  it.each(['(a+)+$', '(\\w|\\w)*!', '.*.*.*.*x', '('.repeat(1e5), 'x'.repeat(1e6)])(
    'whose pattern explodes are refused before it runs (%#)',
    (pattern) => {
      expect(outcome(splitBy(pattern), config, 'a'.repeat(5000))).toBe('library/invalid-config');
    },
  );

  it('with patterns in a normaliser, nested deep, are refused too', () => {
    let normalizer: unknown = { type: 'Replace', pattern: { Regex: '(a*)*b' }, content: '' };
    for (let depth = 0; depth < 400; depth++) normalizer = { type: 'Sequence', normalizers: [normalizer] };
    expect(outcome({ ...tokenizer, normalizer }, config)).toBe('library/invalid-config');
  });

  it('with thousands of rules or patterns are refused', () => {
    const { pre_tokenizer: rule } = tokenizer;
    for (const one of [rule, { type: 'ByteLevel' }, splitBy('x')['pre_tokenizer']]) {
      const pre_tokenizer = { type: 'Sequence', pretokenizers: Array.from({ length: 5000 }, () => one) };
      expect(outcome({ ...tokenizer, pre_tokenizer }, config)).toBe('library/invalid-config');
    }
  });

  it('read a text as far as it counts', () => {
    const whole = createTokenizer(tokenizer, config, 77);
    expect(whole.encode('a cat '.repeat(1e6))).toEqual(whole.encode('a cat '.repeat(1000)));
    expect(outcome(tokenizer, config, 'a'.repeat(1e7), 77)).toBe(77);
    expect(outcome(splitBy('\\s+(?!\\S)|\\s+'), config, ' '.repeat(1e7), 77)).toBe(77);
  });

  it.each([
    ['no model', { ...tokenizer, model: null }],
    ['a model of another kind', { ...tokenizer, model: { ...model, type: 'Nothing' } }],
    ['a vocabulary of texts', { ...tokenizer, model: { ...model, vocab: { a: 'b', c: {} } } }],
    ['a vocabulary that is a number', { ...tokenizer, model: { ...model, vocab: 7 } }],
    ['ids beyond all numbers', { ...tokenizer, model: { ...model, vocab: { 'a</w>': 1e300, 'cat</w>': -0.5 } } }],
    ['merges of numbers', { ...tokenizer, model: { ...model, merges: [1, null, {}, ['a']] } }],
    ['merges of themselves', { ...tokenizer, model: { ...model, merges: Array.from({ length: 2e5 }, () => 'a a') } }],
    ['added tokens that are none', { ...tokenizer, added_tokens: [null, 1, { id: 'x' }, { content: 5 }] }],
    ['an added token without letters', { ...tokenizer, added_tokens: [{ id: 1, content: '', special: true }] }],
    ['a padding that is a text', { ...tokenizer, padding: { pad_id: 'x' } }],
    ['a padding that is a fraction', { ...tokenizer, padding: { pad_id: 0.5 } }],
    ['a post-processor that is a list', { ...tokenizer, post_processor: [] }],
    ['a pre-tokenizer of no kind', { ...tokenizer, pre_tokenizer: { type: 'Sequence', pretokenizers: [{}] } }],
    ['names of prototypes', { ...tokenizer, model: { ...model, vocab: { __proto__: 1, constructor: 2 } } }],
  ])('%s: ids, or a refusal by its name', (_, json) => {
    for (const settings of [config, { ...config, pad_token: null, eos_token: null }]) {
      const result = outcome(json, settings, 'a cat', 77);
      expect(result === 77 || result === 'library/invalid-config', String(result)).toBe(true);
    }
  });

  it('with a vocabulary of 200,000 words are read in time', () => {
    const vocab = Object.fromEntries(Array.from({ length: 2e5 }, (_, id) => [`w${id}</w>`, id]));
    const before = process.cpuUsage();
    expect(outcome({ ...tokenizer, model: { ...model, vocab } }, config, 'w1 w2', 77)).toBe(77);
    const { user } = process.cpuUsage(before);
    expect(user / 1e6).toBeLessThan(30);
  });
});
