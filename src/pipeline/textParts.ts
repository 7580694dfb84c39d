/** The text side of a pipeline folder: the encoder's graph, the tokenizer's files, and how many tokens go in. */
import type { Folder } from '../library/Folder';
import type { Model } from '../onnx/model';
import { listedGraph, listsComponent, missingFile, readOptionalJson } from './componentFiles';
import type { Config } from './configFields';
import { countField, numberField } from './configFields';
import type { PipelineDescription } from './PipelineDescription';
import type { PipelineConventions } from './pipelineConventions';
import { POOLED_INPUT, pooledOutput } from './pooled';

type TokenizerFiles = NonNullable<PipelineDescription['tokenizer']>;

export interface TextParts {
  readonly parts: Pick<PipelineDescription, 'textEncoder' | 'tokenizer' | 'pooledEncoder'>;
  readonly notes: readonly string[];
}

/** CLIP's; transformers writes 1e30 where a tokenizer has no limit. */
const DEFAULT_MAX_TOKENS = 77;
const NO_LIMIT = 1e5;

/** Throws `library/missing-file` for a listed part whose files are not there, `library/invalid-config`. */
export async function describeText(
  folder: Folder,
  index: Config,
  denoiser: Model,
  readGraph: (path: string) => Promise<Model>,
  { maxTokens: pipelineTokens, text }: PipelineConventions,
): Promise<TextParts> {
  const { encoder, tokenizer: tokenizerPart } = text ?? { encoder: 'text_encoder', tokenizer: 'tokenizer' };
  const modelPath = await listedGraph(folder, index, encoder);
  if (modelPath === undefined)
    return {
      parts: {},
      notes: [`There is no ${encoder}: what it would give is seeded noise, and prompts have no effect.`],
    };
  const tokenizer = await findTokenizer(folder, tokenizerPart);
  if (!tokenizer) {
    if (!listsComponent(index, tokenizerPart))
      return { parts: {}, notes: [`There is a ${encoder} but no ${tokenizerPart}: prompts have no effect.`] };
    throw missingFile(folder, `${tokenizerPart}/tokenizer.json`);
  }
  const tokenizerConfig = await readOptionalJson(folder, tokenizer.configPath);
  if (!tokenizerConfig) throw missingFile(folder, tokenizer.configPath);
  const configured = await configuredMaxTokens(folder, tokenizerConfig, tokenizer.configPath, `${encoder}/config.json`);
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
      ...(await describePooled(folder, index, denoiser, readGraph, encoder === 'text_encoder' ? '_2' : '')),
    },
    notes:
      maxTokens === undefined ? [`Nothing says how many tokens a prompt has: ${DEFAULT_MAX_TOKENS} are assumed.`] : [],
  };
}

/** tokenizer.json, or what a CLIP tokenizer that was saved without one consists of. */
async function findTokenizer(folder: Folder, component: string): Promise<TokenizerFiles | undefined> {
  const [whole, configPath] = [`${component}/tokenizer.json`, `${component}/tokenizer_config.json`];
  if (await folder.has(whole)) return { tokenizerPath: whole, configPath };
  const [vocabulary, mergesPath] = [`${component}/vocab.json`, `${component}/merges.txt`];
  if (!(await folder.has(vocabulary)) || !(await folder.has(mergesPath))) return undefined;
  return { tokenizerPath: vocabulary, mergesPath, configPath };
}

/** The encoder that fills a denoiser's pooled input (HunyuanVideo's and Flux's CLIP), where the folder has one with its tokenizer. */
async function describePooled(
  folder: Folder,
  index: Config,
  denoiser: Model,
  readGraph: (path: string) => Promise<Model>,
  suffix: '' | '_2',
): Promise<Pick<PipelineDescription, 'pooledEncoder'>> {
  if (!denoiser.graph.inputs.some(({ name }) => POOLED_INPUT.test(name))) return {};
  const modelPath = await listedGraph(folder, index, `text_encoder${suffix}`);
  const tokenizer = await findTokenizer(folder, `tokenizer${suffix}`);
  if (modelPath === undefined || !tokenizer) return {};
  const model = await readGraph(modelPath);
  if (pooledOutput(model) === undefined) return {};
  const config = (await readOptionalJson(folder, tokenizer.configPath)) ?? {};
  const limit = numberField(config, 'model_max_length', undefined, tokenizer.configPath);
  const maxTokens = sequenceLength(model, 'input_ids') ?? (limit !== undefined && limit < NO_LIMIT ? limit : undefined);
  return { pooledEncoder: { modelPath, tokenizer, maxTokens: maxTokens ?? DEFAULT_MAX_TOKENS } };
}

async function configuredMaxTokens(
  folder: Folder,
  tokenizerConfig: Config,
  tokenizerConfigPath: string,
  encoderConfigPath: string,
): Promise<number | undefined> {
  const limit = numberField(tokenizerConfig, 'model_max_length', undefined, tokenizerConfigPath);
  if (limit !== undefined && limit < NO_LIMIT) return limit;
  const config = (await readOptionalJson(folder, encoderConfigPath)) ?? {};
  return countField(config, 'max_position_embeddings', undefined, encoderConfigPath);
}

/** The second dimension of a graph input, where the graph fixes it. */
function sequenceLength(model: Model, inputName: string): number | undefined {
  const length = model.graph.inputs.find(({ name }) => name === inputName)?.type?.shape?.[1];
  return typeof length === 'number' && length > 0 ? length : undefined;
}
