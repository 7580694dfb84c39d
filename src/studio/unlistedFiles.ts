/**
 * What is in a pipeline folder that cannot be listed (plain http): all that opening it read, and what Optimum and diffusers
 * write into such folders, where the server has it, with the weights that those graphs name. Other files are not found.
 */
import { findExternalData } from '../library/externalData';
import type { Folder } from '../library/Folder';
import { externalLocations } from '../onnx/externalLocations';
import { readModel } from '../onnx/readModel';
import type { PipelineDescription } from '../pipeline/PipelineDescription';

const GRAPH_FOLDERS = [
  ...['unet', 'transformer', 'transformer_2', 'vae_decoder', 'vae_encoder', 'image_encoder'],
  ...['text_encoder', 'text_encoder_2', 'text_encoder_3'],
];
const TOKENIZER_FOLDERS = ['tokenizer', 'tokenizer_2', 'tokenizer_3'];
const TOKENIZER_FILES = [
  ...['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json'],
  ...['vocab.json', 'merges.txt', 'vocab.txt', 'spiece.model', 'tokenizer.model', 'chat_template.jinja'],
];
const USUAL = [
  ...['model_index.json', 'README.md', 'LICENSE', 'LICENSE.md'],
  ...GRAPH_FOLDERS.flatMap((part) => [`${part}/model.onnx`, `${part}/config.json`]),
  ...TOKENIZER_FOLDERS.flatMap((part) => TOKENIZER_FILES.map((file) => `${part}/${file}`)),
  ...['feature_extractor/preprocessor_config.json', 'image_processor/preprocessor_config.json'],
  'scheduler/scheduler_config.json',
];

/** Paths in the folder, each once. Reads the graphs that were not read yet. Throws what asking and reading throw. */
export async function unlistedFiles(folder: Folder, { image }: PipelineDescription): Promise<readonly string[]> {
  const read = folder.readPaths ?? new Set<string>();
  const asked = [...new Set([...USUAL, ...(image?.examples ?? [])])].filter((path) => !read.has(path));
  const has = await Promise.all(asked.map((path) => folder.has(path)));
  const more = asked.filter((_, i) => has[i]);
  const there = new Set([...read, ...more]);
  for (const path of more) {
    if (!path.endsWith('.onnx')) continue;
    for (const weights of await weightsOf(folder, path)) there.add(weights);
  }
  return [...there];
}

/** Weights files that a graph names and that are there. */
async function weightsOf(folder: Folder, graphPath: string): Promise<readonly string[]> {
  const source = await folder.open(graphPath);
  const model = readModel(source.bytes ?? (await source.read(0, source.sizeBytes)));
  const found = await Promise.all(
    externalLocations(model).map((location) => findExternalData(folder, graphPath, location)),
  );
  return found.filter((path) => path !== undefined);
}
