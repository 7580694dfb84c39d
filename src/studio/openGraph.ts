/**
 * One graph file with its blocks, before anything runs: no weights are read and no runtime is there. For any graph; the
 * sizes are those at which the studio would run it where it is a denoiser.
 */
import type { BlockTree } from '../blocks/block';
import { discoverBlocks } from '../blocks/discoverBlocks';
import { StudioError } from '../errors/StudioError';
import { openExternalData } from '../library/externalData';
import type { Folder } from '../library/Folder';
import type { ByteSource } from '../onnx/ByteSource';
import { checkModel } from '../onnx/checkModel';
import { externalLocations } from '../onnx/externalLocations';
import type { Model } from '../onnx/model';
import { readModel } from '../onnx/readModel';
import { planDenoiserInputs } from '../pipeline/denoiserInputs';
import { describePipeline } from '../pipeline/describePipeline';
import type { LatentSize } from '../pipeline/PipelineDescription';

export interface SizedGraph {
  readonly model: Model;
  /** Symbolic dimension -> size. */
  readonly bindings: ReadonlyMap<string, number>;
}

export interface MappedGraph extends SizedGraph {
  readonly tree: BlockTree;
}

export interface SizeChoice {
  /** These sizes come before those of the studio. */
  readonly bindings?: ReadonlyMap<string, number>;
  readonly latentSize?: LatentSize;
}

/** Reads and checks a graph; touches no external weights. Throws `library/missing-file` and `onnx/*`. */
export async function readGraph(folder: Folder, path: string): Promise<Model> {
  const source = await folder.open(path);
  const model = readModel(await source.read(0, source.sizeBytes));
  checkModel(model);
  return model;
}

/** Location -> source for every weights file that the graph names. Throws `onnx/missing-external-data`. */
export function weightsOf(folder: Folder, path: string, model: Model): Promise<ReadonlyMap<string, ByteSource>> {
  return openExternalData(folder, path, externalLocations(model));
}

/** Throws as `readGraph`. */
export async function openSizedGraph(
  folder: Folder,
  path: string,
  { bindings = new Map(), latentSize = {} }: SizeChoice = {},
): Promise<SizedGraph> {
  const model = await readGraph(folder, path);
  return { model, bindings: new Map([...(await studioBindings(folder, model, latentSize)), ...bindings]) };
}

/** `latentInput`: where it is not found by itself. Throws as `readGraph`, and `blocks/no-latent-input`. */
export async function openGraph(
  folder: Folder,
  path: string,
  choice: SizeChoice & { readonly latentInput?: string | undefined } = {},
): Promise<MappedGraph> {
  const { model, bindings } = await openSizedGraph(folder, path, choice);
  return { model, bindings, tree: discoverBlocks(model, { bindings, latentInput: choice.latentInput }) };
}

/** The sizes at which the studio would run this file alone; none where it cannot tell what the inputs are. */
async function studioBindings(folder: Folder, model: Model, size: LatentSize): Promise<ReadonlyMap<string, number>> {
  try {
    const description = await describePipeline(folder, async () => model, size, { anyGraph: true });
    return planDenoiserInputs(model, description, undefined).bindings;
  } catch (thrown) {
    if (thrown instanceof StudioError) return new Map();
    throw thrown;
  }
}
