/** The blocks of a pipeline folder's denoiser and decoder, under the ids that plans of the pipeline use. Nothing runs. */
import { join } from 'node:path';
import type { BlockTree } from '../blocks/block';
import { componentTree } from '../blocks/componentTree';
import { nodeFolder } from '../library/nodeFolder';
import { describePipeline } from '../pipeline/describePipeline';
import { decoderBlocks } from '../studio/decoderBlocks';
import { readGraph } from '../studio/openGraph';
import { latentSize } from './arguments';
import { openDenoiser } from './openDenoiser';

export interface PipelineTrees {
  readonly tree: BlockTree;
  /** Where its blocks can be told. */
  readonly decoder?: BlockTree;
}

/** Throws what describing and discovery throw. */
export async function pipelineTrees(path: string, values: Parameters<typeof openDenoiser>[1]): Promise<PipelineTrees> {
  const folder = await nodeFolder(path);
  const inFolder = (file: string) => readGraph(folder, file);
  const description = await describePipeline(folder, inFolder, latentSize(values['latent-size']));
  const { tree } = await openDenoiser(join(path, description.denoiser.modelPath), values);
  const found = description.decoder && decoderBlocks(await inFolder(description.decoder.modelPath), description);
  return { tree, ...(found ? { decoder: componentTree(tree, found.tree, 'decoder') } : {}) };
}
