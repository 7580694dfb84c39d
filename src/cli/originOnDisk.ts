/**
 * What a graph file on disk belongs to: the pipeline whose component it is, seen from the folder above its own, or itself
 * alone. Only names and defaults are taken from there; what is cut is the file that was named.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { StudioError } from '../errors/StudioError';
import type { Folder } from '../library/Folder';
import { nodeFolder } from '../library/nodeFolder';
import type { Model } from '../onnx/model';
import { describePipeline } from '../pipeline/describePipeline';
import type { PipelineDescription } from '../pipeline/PipelineDescription';
import { readGraph } from '../studio/openGraph';

/** What an opened pipeline's `description` says too, so that the page's export and this one tell the same. */
export type Belonging = Pick<PipelineDescription, 'name'> & { readonly defaults: PipelineDescription['defaults'] };

const NO_DEFAULTS: Belonging['defaults'] = { steps: 1, guidance: 1, prompt: '', negativePrompt: '' };

/** `model`: the graph in the file. */
export async function originOnDisk(path: string, model: Model): Promise<Belonging> {
  const absolute = resolve(path);
  const root = dirname(dirname(absolute));
  if (await stat(join(root, 'model_index.json')).catch(() => undefined)) {
    const own = relative(root, absolute);
    const whole = await describe(await nodeFolder(root), model, own);
    if (whole && [whole.denoiser.modelPath, whole.decoder?.modelPath].includes(own)) return whole;
  }
  const alone = await describe(await nodeFolder(path), model, basename(path));
  return alone ?? { name: basename(path), defaults: NO_DEFAULTS };
}

/** Undefined where the folder cannot be told what it is: the graph can be cut all the same. */
async function describe(folder: Folder, model: Model, own: string): Promise<PipelineDescription | undefined> {
  try {
    const read = async (file: string): Promise<Model> => (file === own ? model : readGraph(folder, file));
    return await describePipeline(folder, read, {}, { anyGraph: true });
  } catch (thrown) {
    if (thrown instanceof StudioError) return undefined;
    throw thrown;
  }
}
