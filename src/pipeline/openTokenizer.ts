/** The tokenizer of a described pipeline, read from its folder; also CLIP's older form of vocab.json and merges.txt. */
import type { Folder } from '../library/Folder';
import { readJson, readText } from './componentFiles';
import type { Config } from './configFields';
import type { PipelineDescription } from './PipelineDescription';
import { pipelineConventions } from './pipelineConventions';
import { readTokenizerConfig, tokenText } from './specialTokens';
import type { TextTokenizer } from './tokenizer';
import { createTokenizer } from './tokenizer';

const INDEX_FILE = 'model_index.json';

/** undefined where the pipeline has no text side. Throws `library/missing-file`, `library/invalid-config`. */
export async function openTokenizer(
  folder: Folder,
  description: PipelineDescription,
): Promise<TextTokenizer | undefined> {
  const { tokenizer, textEncoder } = description;
  if (!tokenizer || !textEncoder) return undefined;
  const cropped = pipelineConventions(description.className).template?.croppedTokens ?? 0;
  return readTokenizer(folder, tokenizer, textEncoder.maxTokens + cropped);
}

/** Throws `library/missing-file`, `library/invalid-config`. */
export async function readTokenizer(
  folder: Folder,
  tokenizer: NonNullable<PipelineDescription['tokenizer']>,
  maxTokens: number,
): Promise<TextTokenizer> {
  const config = await readTokenizerConfig(folder, tokenizer.configPath, INDEX_FILE);
  const main = await readJson(folder, tokenizer.tokenizerPath);
  const json =
    tokenizer.mergesPath === undefined
      ? main
      : clipTokenizerJson(main, await readText(folder, tokenizer.mergesPath), config);
  return createTokenizer(json, config, maxTokens);
}

/** The tokenizer.json that transformers' CLIPConverter makes of a vocabulary, its merges and the token names. */
export function clipTokenizerJson(vocabulary: Config, merges: string, config: Config): Config {
  const start = tokenText(config['bos_token']) ?? '<|startoftext|>';
  const end = tokenText(config['eos_token']) ?? '<|endoftext|>';
  const special = (content: string) => ({
    id: vocabulary[content],
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  return {
    version: '1.0',
    added_tokens: [special(start), special(end)],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        {
          type: 'Split',
          pattern: { Regex: "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+" },
          behavior: 'Removed',
          invert: true,
        },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
      ],
    },
    post_processor: {
      type: 'RobertaProcessing',
      sep: [end, vocabulary[end]],
      cls: [start, vocabulary[start]],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true },
    model: {
      type: 'BPE',
      unk_token: tokenText(config['unk_token']) ?? end,
      continuing_subword_prefix: '',
      end_of_word_suffix: '</w>',
      fuse_unk: false,
      vocab: vocabulary,
      merges: merges
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '' && !line.startsWith('#version')),
    },
  };
}
