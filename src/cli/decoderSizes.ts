/** The sizes at which the pipeline around a file calls it, where the file is that pipeline's decoder: alone it does not say them. */
import { stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { StudioError } from '../errors/StudioError';
import type { Folder } from '../library/Folder';
import { nodeFolder } from '../library/nodeFolder';
import { describePipeline } from '../pipeline/describePipeline';
import { decoderBindings } from '../pipeline/frameDecoder';
import type { LatentSize, PipelineDescription } from '../pipeline/PipelineDescription';
import { readGraph } from '../studio/openGraph';

/** Whether a folder holds a whole pipeline. */
export const isPipeline = (path: string): Promise<boolean> =>
  stat(join(path, 'model_index.json')).then(
    (found) => found.isFile(),
    () => false,
  );

/** Symbolic dimension -> size; empty for any other file. */
export async function decoderSizes(path: string, size: LatentSize): Promise<ReadonlyMap<string, number>> {
  const around = await pipelineOfDecoder(path, size);
  return around ? decoderBindings(await readGraph(around.folder, around.path), around.description) : new Map();
}

export interface DecoderOnDisk {
  /** The pipeline's. */
  readonly folder: Folder;
  readonly description: PipelineDescription;
  /** The decoder's graph in it. */
  readonly path: string;
}

/** The pipeline whose decoder the file is; undefined for any other file. */
export async function pipelineOfDecoder(path: string, size: LatentSize): Promise<DecoderOnDisk | undefined> {
  const root = dirname(dirname(resolve(path)));
  if (!(await isPipeline(root))) return undefined;
  try {
    const folder = await nodeFolder(root);
    const description = await describePipeline(folder, (file) => readGraph(folder, file), size);
    const own = relative(root, resolve(path)).replaceAll(sep, '/');
    if (description.decoder?.modelPath !== own) return undefined;
    return { folder, description, path: own };
  } catch (thrown) {
    if (thrown instanceof StudioError) return undefined; // a pipeline that cannot be read says nothing of its parts
    throw thrown;
  }
}
