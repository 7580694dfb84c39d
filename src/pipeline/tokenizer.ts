/**
 * Text to token ids, padded and cut to a fixed length as transformers does it with padding="max_length" and
 * truncation=True: special tokens survive the cut. The vocabulary and rules are read by @huggingface/tokenizers.
 */
import { Tokenizer } from '@huggingface/tokenizers';
import { StudioError } from '../errors/StudioError';
import type { Config } from './configFields';
import { costlyPattern } from './patternCost';
import { padsLeft, tokenText, withSpecialTokens } from './specialTokens';

export interface EncodedText {
  /** maxTokens ids. */
  readonly ids: BigInt64Array;
  /** 1 for a token, 0 for padding. */
  readonly attentionMask: BigInt64Array;
}

export interface TextTokenizer {
  readonly maxTokens: number;
  encode(text: string): BigInt64Array;
  encodeWithMask(text: string): EncodedText;
}

/** The longest published prompt has 4,096. */
const MOST_TOKENS = 65_536;

/** No published vocabulary has more characters a token on average; what is behind them is cut off anyway. */
const MOST_CHARACTERS_PER_TOKEN = 64;

/**
 * `tokenizerJson`, `configJson`: the parsed tokenizer.json and tokenizer_config.json. `maxTokens`: by default the
 * config's model_max_length. A tokenizer is somebody else's program: its rules are looked at before they run, and
 * whatever goes wrong in it throws `library/invalid-config`.
 */
export function createTokenizer(
  tokenizerJson: Config,
  configJson: Config,
  maxTokens = Number(configJson['model_max_length']),
): TextTokenizer {
  if (!Number.isSafeInteger(maxTokens) || maxTokens < 1 || maxTokens > MOST_TOKENS) {
    throw new StudioError('library/invalid-config', 'tokenizer_config.json: "model_max_length" is no usable length.', {
      file: 'tokenizer_config.json',
      field: 'model_max_length',
    });
  }
  requireBoundedRules(tokenizerJson);
  const { tokenizer, padId, padLeft } = understood(() => {
    const json = withSpecialTokens(tokenizerJson, configJson);
    const loaded = new Tokenizer(json, configJson);
    return {
      tokenizer: loaded,
      padId: BigInt(padTokenId(loaded, json, configJson)),
      padLeft: padsLeft(tokenizerJson, configJson),
    };
  });
  const fromLeft = configJson['truncation_side'] === 'left';
  const encodeWithMask = (text: string): EncodedText => {
    const most = MOST_CHARACTERS_PER_TOKEN * (maxTokens + 1);
    const readable = text.length <= most ? text : fromLeft ? text.slice(-most) : text.slice(0, most);
    const tokens = understood(() => truncated(tokenizer, readable, maxTokens, fromLeft).map(BigInt));
    const ids = new BigInt64Array(maxTokens).fill(padId);
    const attentionMask = new BigInt64Array(maxTokens);
    const start = padLeft ? maxTokens - tokens.length : 0;
    ids.set(tokens, start);
    attentionMask.fill(1n, start, start + tokens.length);
    return { ids, attentionMask };
  };
  return { maxTokens, encodeWithMask, encode: (text) => encodeWithMask(text).ids };
}

/** Throws `library/invalid-config` for whatever goes wrong in the tokenizer's own rules. */
function understood<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof StudioError) throw cause;
    throw new StudioError(
      'library/invalid-config',
      `tokenizer.json is not understood: ${(cause as Error).message}.`,
      { file: 'tokenizer.json' },
      { cause },
    );
  }
}

/** The published ones have a few tens; each goes over the whole text. */
const MOST_RULES = 500;
const MOST_PATTERNS = 100;

/** Looks at every rule and regular expression outside of the vocabulary. Throws `library/invalid-config`. */
function requireBoundedRules({ model: _model, added_tokens: _tokens, ...rules }: Config): void {
  const refused = (field: string, why: string) =>
    new StudioError('library/invalid-config', `tokenizer.json: ${why}.`, { file: 'tokenizer.json', field });
  const patterns: string[] = [];
  let ruleCount = 0;
  const waiting: unknown[] = [rules];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== 'object' || value === null) continue;
    if ('type' in value && ++ruleCount > MOST_RULES) throw refused('type', `it has more than ${MOST_RULES} rules`);
    const { Regex: pattern } = value as { readonly Regex?: unknown };
    if (typeof pattern === 'string' && patterns.push(pattern) > MOST_PATTERNS)
      throw refused('Regex', `it has more than ${MOST_PATTERNS} patterns`);
    for (const inner of Object.values(value)) waiting.push(inner);
  }
  for (const pattern of new Set(patterns)) {
    const why = costlyPattern(pattern);
    if (why !== undefined)
      throw refused('Regex', `the pattern ${JSON.stringify(pattern.slice(0, 80))} is not run: ${why}`);
  }
}

/** The ids with special tokens; what is cut is cut from the text between them. */
function truncated(tokenizer: Tokenizer, text: string, maxTokens: number, fromLeft: boolean): readonly number[] {
  const full = tokenizer.encode(text).ids;
  if (full.length <= maxTokens) return full;
  const inner = tokenizer.encode(text, { add_special_tokens: false }).ids;
  const specials = full.length - inner.length;
  const before = prefixLength(full, inner);
  const kept = Math.max(0, maxTokens - specials);
  const middle = fromLeft ? inner.slice(inner.length - kept) : inner.slice(0, kept);
  return [...full.slice(0, before), ...middle, ...full.slice(before + inner.length)].slice(0, maxTokens);
}

/** How many special tokens stand before the text. */
function prefixLength(full: readonly number[], inner: readonly number[]): number {
  for (let start = 0; start + inner.length <= full.length; start++) {
    if (inner.every((id, i) => full[start + i] === id)) return start;
  }
  throw new StudioError('library/invalid-config', 'tokenizer.json changes the text between the special tokens.', {
    file: 'tokenizer.json',
  });
}

/** By the config's pad_token, then tokenizer.json's own padding, then the end-of-text token, as CLIP pads. */
function padTokenId(tokenizer: Tokenizer, tokenizerJson: Config, configJson: Config): number {
  for (const field of ['pad_token', 'eos_token']) {
    const content = tokenText(configJson[field]);
    const id = content === undefined ? undefined : tokenizer.token_to_id(content);
    if (id !== undefined) return id;
    const own = (tokenizerJson['padding'] as { pad_id?: number } | null | undefined)?.pad_id;
    if (own !== undefined) return own;
  }
  return 0;
}
