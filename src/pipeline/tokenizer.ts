/**
 * Text to token ids, padded and cut to a fixed length as transformers does it with padding="max_length" and
 * truncation=True: special tokens survive the cut. The vocabulary and rules are read by @huggingface/tokenizers.
 */
import { Tokenizer } from '@huggingface/tokenizers';
import { StudioError } from '../errors/StudioError';
import type { Config } from './configFields';
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

/**
 * `tokenizerJson`, `configJson`: the parsed tokenizer.json and tokenizer_config.json. `maxTokens`: by default the
 * config's model_max_length. Throws `library/invalid-config`.
 */
export function createTokenizer(
  tokenizerJson: Config,
  configJson: Config,
  maxTokens = Number(configJson['model_max_length']),
): TextTokenizer {
  if (!Number.isSafeInteger(maxTokens) || maxTokens < 1) {
    throw new StudioError('library/invalid-config', 'tokenizer_config.json: "model_max_length" is no usable length.', {
      file: 'tokenizer_config.json',
      field: 'model_max_length',
    });
  }
  const json = withSpecialTokens(tokenizerJson, configJson);
  const tokenizer = load(json, configJson);
  const padId = BigInt(padTokenId(tokenizer, json, configJson));
  const padLeft = padsLeft(tokenizerJson, configJson);
  const encodeWithMask = (text: string): EncodedText => {
    const tokens = truncated(tokenizer, text, maxTokens, configJson['truncation_side'] === 'left');
    const ids = new BigInt64Array(maxTokens).fill(padId);
    const attentionMask = new BigInt64Array(maxTokens);
    const start = padLeft ? maxTokens - tokens.length : 0;
    ids.set(tokens.map(BigInt), start);
    attentionMask.fill(1n, start, start + tokens.length);
    return { ids, attentionMask };
  };
  return { maxTokens, encodeWithMask, encode: (text) => encodeWithMask(text).ids };
}

function load(tokenizerJson: Config, configJson: Config): Tokenizer {
  try {
    return new Tokenizer(tokenizerJson, configJson);
  } catch (cause) {
    throw new StudioError(
      'library/invalid-config',
      `tokenizer.json is not understood: ${(cause as Error).message}.`,
      { file: 'tokenizer.json' },
      { cause },
    );
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
