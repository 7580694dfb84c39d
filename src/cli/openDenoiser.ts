/** A denoiser file with its blocks, as `blocks` and `prune` see it: no weights are read and no runtime is loaded. */
import type { BlockTree } from '../blocks/block';
import { discoverBlocks } from '../blocks/discoverBlocks';
import { StudioError } from '../errors/StudioError';
import { nodeFolder } from '../library/nodeFolder';
import type { Model } from '../onnx/model';
import { planDenoiserInputs } from '../pipeline/denoiserInputs';
import { describePipeline } from '../pipeline/describePipeline';
import type { LatentSize } from '../pipeline/PipelineDescription';
import { bindings, latentSize, latentSizeHelp } from './arguments';
import { readModelFile } from './modelFile';

export const denoiserOptions = {
  bind: { type: 'string', multiple: true },
  latent: { type: 'string' },
  'latent-size': { type: 'string' },
} as const;

export const denoiserHelp = `  --bind NAME=SIZE,...   sizes of dynamic dimensions, for the MACs (default: those the studio would use)
  --latent NAME          the input that carries the latent, where it is not found by itself
${latentSizeHelp}`;

export interface Denoiser {
  readonly model: Model;
  readonly tree: BlockTree;
  /** Symbolic dimension -> size. */
  readonly bindings: ReadonlyMap<string, number>;
}

export interface SizeOptions {
  readonly bind?: readonly string[];
  readonly 'latent-size'?: string;
}

/** Any model with the sizes given, and those that the studio would use where it is a denoiser. Throws as `openDenoiser`. */
export async function openSizedModel(path: string, values: SizeOptions): Promise<Omit<Denoiser, 'tree'>> {
  const given = bindings(values.bind);
  const model = await readModelFile(path);
  return {
    model,
    bindings: new Map([...(await studioBindings(path, model, latentSize(values['latent-size']))), ...given]),
  };
}

/** Throws `library/missing-file`, `onnx/*`, `blocks/no-latent-input`, `cli/usage`. */
export async function openDenoiser(
  path: string,
  values: SizeOptions & { readonly latent?: string },
): Promise<Denoiser> {
  const { model, bindings: sizes } = await openSizedModel(path, values);
  return { model, bindings: sizes, tree: discoverBlocks(model, { bindings: sizes, latentInput: values.latent }) };
}

/** The sizes at which the studio would run this file alone; none where it cannot tell what the inputs are. */
async function studioBindings(path: string, model: Model, size: LatentSize): Promise<ReadonlyMap<string, number>> {
  try {
    const description = await describePipeline(await nodeFolder(path), async () => model, size);
    return planDenoiserInputs(model, description, undefined).bindings;
  } catch (thrown) {
    if (thrown instanceof StudioError) return new Map();
    throw thrown;
  }
}
