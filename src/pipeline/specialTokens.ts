/**
 * What transformers makes of a tokenizer's small files beside tokenizer.json: special tokens named in any of them become
 * added tokens, cut out of a text whole; special_tokens_map.json comes before tokenizer_config.json.
 */
import type { Folder } from '../library/Folder';
import { directoryOf, joinPath } from '../library/paths';
import { readJson, readOptionalJson } from './componentFiles';
import type { Config } from './configFields';

const NAMED = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];
const LISTED = ['additional_special_tokens', 'extra_special_tokens'];
/** Tokenizers of transformers that pad on the left where no file says otherwise. */
const LEFT_PADDED = /^(CodeLlama|Cohere2?|Gemma|Llama|Siglip2|XLNet)Tokenizer(Fast)?$/;

/**
 * The tokenizer's settings from all of its files: tokenizer_config.json, over it special_tokens_map.json,
 * added_tokens.json as `added_tokens`, and the class that model_index.json gives. Throws `library/missing-file`,
 * `library/invalid-config`.
 */
export async function readTokenizerConfig(folder: Folder, configPath: string, indexPath: string): Promise<Config> {
  const beside = (file: string) => readOptionalJson(folder, joinPath(directoryOf(configPath), file));
  const [config, special, added, index] = [
    await readJson(folder, configPath),
    (await beside('special_tokens_map.json')) ?? {},
    await beside('added_tokens.json'),
    (await readOptionalJson(folder, indexPath)) ?? {},
  ];
  const entry = index[directoryOf(configPath)];
  const listed = Array.isArray(entry) ? entry[1] : undefined;
  return {
    ...config,
    ...special,
    ...(added ? { added_tokens: added } : {}),
    ...(typeof listed === 'string' ? { tokenizer_class: listed } : {}),
  };
}

/** Configs write a token as its text, or as an object around it. */
export function tokenText(token: unknown): string | undefined {
  const text = typeof token === 'string' ? token : (token as { content?: unknown } | null | undefined)?.content;
  return typeof text === 'string' ? text : undefined;
}

/** The config's `padding_side`, else tokenizer.json's own direction, else what the class does. */
export function padsLeft(tokenizerJson: Config, config: Config): boolean {
  const side =
    config['padding_side'] ?? (tokenizerJson['padding'] as { direction?: unknown } | null | undefined)?.direction;
  if (typeof side === 'string') return side.toLowerCase() === 'left';
  return LEFT_PADDED.test(String(config['tokenizer_class']));
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
}

/** tokenizer.json with every special token of the config among its added tokens; a new one gets the next id. */
export function withSpecialTokens(tokenizerJson: Config, config: Config): Config {
  const present = (tokenizerJson['added_tokens'] ?? []) as readonly AddedToken[];
  const known = new Map(present.map(({ content, id }) => [content, id]));
  const wanted = [
    ...NAMED.map((field) => tokenText(config[field])),
    ...LISTED.flatMap((field) => Object.values((config[field] ?? {}) as object).map(tokenText)),
  ].filter((content) => content !== undefined);
  const ids = vocabulary(tokenizerJson);
  for (const [content, id] of Object.entries((config['added_tokens'] ?? {}) as Record<string, number>))
    ids.set(content, id);
  for (const [id, token] of Object.entries((config['added_tokens_decoder'] ?? {}) as object)) {
    const content = tokenText(token);
    if (content === undefined) continue;
    ids.set(content, Number(id));
    wanted.push(content);
  }
  wanted.push(...Object.keys((config['added_tokens'] ?? {}) as object));
  const missing = [...new Set(wanted)].filter((content) => content !== '' && !known.has(content));
  if (missing.length === 0) return tokenizerJson;
  let next = Math.max(-1, ...known.values());
  for (const id of ids.values()) next = Math.max(next, id);
  const added = missing.map((content) => ({
    id: ids.get(content) ?? ++next,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  return { ...tokenizerJson, added_tokens: [...present, ...added] };
}

/** Token -> id, of a model that keeps an object (BPE, WordPiece) or a list (Unigram). */
function vocabulary(tokenizerJson: Config): Map<string, number> {
  const vocab = (tokenizerJson['model'] as { vocab?: unknown } | undefined)?.vocab;
  if (Array.isArray(vocab)) return new Map(vocab.map((entry, id) => [String((entry as readonly unknown[])[0]), id]));
  return new Map(Object.entries((vocab ?? {}) as Record<string, number>));
}
