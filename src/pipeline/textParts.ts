/** The text side of a pipeline folder: the encoder's graph, the tokenizer's files, and how many tokens go in. */
import type { Folder } from '../library/Folder';
import type { Model } from '../onnx/model';
import { listedGraph, listsComponent, missingFile, readOptionalJson } from './componentFiles';
import type { Config } from './configFields';
import { countField, numberField } from './configFields';
import type { PipelineDescription } from './PipelineDescription';

type TokenizerFiles = NonNullable<PipelineDescription['tokenizer']>;

export interface TextParts {
  readonly parts: Pick<PipelineDescription, 'textEncoder' | 'tokenizer'>;
  readonly notes: readonly string[];
}

const TOKENIZER_FILE = 'tokenizer/tokenizer.json';
const TOKENIZER_CONFIG_FILE = 'tokenizer/tokenizer_config.json';
/** What a CLIP tokenizer that was saved without tokenizer.json consists of. */
const VOCABULARY_FILE = 'tokenizer/vocab.json';
const MERGES_FILE = 'tokenizer/merges.txt';
/** CLIP's; transformers writes 1e30 where a tokenizer has no limit. */
const DEFAULT_MAX_TOKENS = 77;
const NO_LIMIT = 1e5;

/** Throws `library/missing-file` for a listed part whose files are not there, `library/invalid-config`. */
export async function describeText(
  folder: Folder,
  index: Config,
  denoiser: Model,
  readGraph: (path: string) => Promise<Model>,
  pipelineTokens: number | undefined,
): Promise<TextParts> {
  const modelPath = await listedGraph(folder, index, 'text_encoder');
  if (modelPath === undefined)
    return {
      parts: {},
      notes: ['There is no text_encoder: what it would give is seeded noise, and prompts have no effect.'],
    };
  const tokenizer = await findTokenizer(folder);
  if (!tokenizer) {
    if (!listsComponent(index, 'tokenizer'))
      return { parts: {}, notes: ['There is a text_encoder but no tokenizer: prompts have no effect.'] };
    throw missingFile(folder, TOKENIZER_FILE);
  }
  const tokenizerConfig = await readOptionalJson(folder, TOKENIZER_CONFIG_FILE);
  if (!tokenizerConfig) throw missingFile(folder, TOKENIZER_CONFIG_FILE);
  const configured = await configuredMaxTokens(folder, tokenizerConfig);
  const maxTokens =
    sequenceLength(denoiser, 'encoder_hidden_states') ??
    pipelineTokens ??
    configured ??
    sequenceLength(await readGraph(modelPath), 'input_ids');
  const zeroes = /^Mochi/.test(String(index['_class_name'])) && index['force_zeros_for_empty_prompt'] === true;
  return {
    parts: {
      textEncoder: {
        modelPath,
        maxTokens: maxTokens ?? DEFAULT_MAX_TOKENS,
        ...(zeroes ? { zeroesEmptyPrompt: true } : {}),
      },
      tokenizer,
    },
    notes:
      maxTokens === undefined ? [`Nothing says how many tokens a prompt has: ${DEFAULT_MAX_TOKENS} are assumed.`] : [],
  };
}

async function findTokenizer(folder: Folder): Promise<TokenizerFiles | undefined> {
  if (await folder.has(TOKENIZER_FILE)) return { tokenizerPath: TOKENIZER_FILE, configPath: TOKENIZER_CONFIG_FILE };
  if (!(await folder.has(VOCABULARY_FILE)) || !(await folder.has(MERGES_FILE))) return undefined;
  return { tokenizerPath: VOCABULARY_FILE, mergesPath: MERGES_FILE, configPath: TOKENIZER_CONFIG_FILE };
}

async function configuredMaxTokens(folder: Folder, tokenizerConfig: Config): Promise<number | undefined> {
  const limit = numberField(tokenizerConfig, 'model_max_length', undefined, TOKENIZER_CONFIG_FILE);
  if (limit !== undefined && limit < NO_LIMIT) return limit;
  const path = 'text_encoder/config.json';
  return countField((await readOptionalJson(folder, path)) ?? {}, 'max_position_embeddings', undefined, path);
}

/** The second dimension of a graph input, where the graph fixes it. */
function sequenceLength(model: Model, inputName: string): number | undefined {
  const length = model.graph.inputs.find(({ name }) => name === inputName)?.type?.shape?.[1];
  return typeof length === 'number' && length > 0 ? length : undefined;
}
