/**
 * Everything of a pipeline folder that is needed to run it, in memory or as byte sources: graphs, weights files, what
 * discovery found. No session lives here, so it survives the loss of a device.
 */
import type { BlockTree, Preset } from '../../blocks/block';
import { discoverBlocks } from '../../blocks/discoverBlocks';
import { presetsFor } from '../../blocks/presets';
import { describePipeline } from '../../diffusion/describePipeline';
import { openTokenizer } from '../../diffusion/openTokenizer';
import type { PipelineDescription } from '../../diffusion/PipelineDescription';
import type { TextTokenizer } from '../../diffusion/tokenizer';
import { openExternalData } from '../../library/externalData';
import type { Folder } from '../../library/Folder';
import { createSha256 } from '../../library/sha256';
import type { ByteSource } from '../../onnx/ByteSource';
import { checkModel } from '../../onnx/checkModel';
import { externalLocations } from '../../onnx/externalLocations';
import type { Model } from '../../onnx/model';
import { readModel } from '../../onnx/readModel';
import type { GatedModel } from '../../passes/gate';
import { gate } from '../../passes/gate';
import type { OpenProgress } from '../protocol';
import type { DenoiserInputs } from './denoiserInputs';
import { planDenoiserInputs } from './denoiserInputs';

export interface Component {
  readonly modelPath: string;
  readonly model: Model;
  /** Size of the graph file. */
  readonly modelFileBytes: number;
  readonly sources: ReadonlyMap<string, ByteSource>;
}

export interface LoadedPipeline {
  readonly folder: Folder;
  readonly description: PipelineDescription;
  readonly denoiser: Component;
  readonly inputs: DenoiserInputs;
  readonly textEncoder?: Component;
  readonly decoder?: Component;
  readonly tokenizer?: TextTokenizer;
  readonly tree: BlockTree;
  readonly presets: readonly Preset[];
  readonly gated: GatedModel;
  /** SHA-256 of the denoiser's graph file, hex. */
  readonly fingerprint: string;
}

export interface LoadOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: OpenProgress) => void;
}

interface ReadGraph {
  readonly model: Model;
  readonly fileBytes: number;
  readonly fingerprint: string;
}

/** Throws `library/*`, `onnx/*`, `blocks/no-latent-input`, and an AbortError. */
export async function loadPipeline(folder: Folder, options: LoadOptions = {}): Promise<LoadedPipeline> {
  const { signal } = options;
  const graphs = new Map<string, Promise<ReadGraph>>();
  const read = (path: string): Promise<ReadGraph> => {
    const graph = graphs.get(path) ?? readGraph(folder, path, options);
    graphs.set(path, graph);
    return graph;
  };
  const component = async (modelPath: string): Promise<Component> => {
    const { model, fileBytes } = await read(modelPath);
    const onProgress = (loadedBytes: number, totalBytes: number) => options.onProgress?.({ phase: 'fetch', what: `weights of ${modelPath}`, loadedBytes, totalBytes });
    const sources = await openExternalData(folder, modelPath, externalLocations(model), { signal, onProgress });
    return { modelPath, model, modelFileBytes: fileBytes, sources };
  };
  const described = await describePipeline(folder, async (path) => (await read(path)).model);
  const denoiser = await component(described.denoiser.modelPath);
  const textEncoder = described.textEncoder && (await component(described.textEncoder.modelPath));
  const decoder = described.decoder && (await component(described.decoder.modelPath));
  const tokenizer = await openTokenizer(folder, described);
  signal?.throwIfAborted();
  options.onProgress?.({ phase: 'discover', what: described.denoiser.modelPath, loadedBytes: 0, totalBytes: 0 });
  const inputs = planDenoiserInputs(denoiser.model, described);
  const tree = discoverBlocks(denoiser.model, { bindings: inputs.bindings, latentInput: described.denoiser.latentInput });
  return {
    folder,
    description: { ...described, notes: [...described.notes, ...inputs.notes] },
    denoiser,
    inputs,
    ...(textEncoder ? { textEncoder } : {}),
    ...(decoder ? { decoder } : {}),
    ...(tokenizer ? { tokenizer } : {}),
    tree,
    presets: presetsFor(tree),
    gated: gate(denoiser.model, tree),
    fingerprint: (await read(denoiser.modelPath)).fingerprint,
  };
}

async function readGraph(folder: Folder, path: string, { signal, onProgress }: LoadOptions): Promise<ReadGraph> {
  const source = await folder.open(path, { signal, onProgress: (loadedBytes, totalBytes) => onProgress?.({ phase: 'fetch', what: path, loadedBytes, totalBytes }) });
  signal?.throwIfAborted();
  onProgress?.({ phase: 'parse', what: path, loadedBytes: 0, totalBytes: source.sizeBytes });
  const bytes = await source.read(0, source.sizeBytes);
  const model = readModel(bytes);
  checkModel(model);
  return { model, fileBytes: bytes.length, fingerprint: await sha256(bytes) };
}

/** WebCrypto where it is (not on plain http), as it is ten times faster. */
async function sha256(bytes: Uint8Array): Promise<string> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle) {
    const digest = new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }
  const hash = createSha256();
  hash.update(bytes);
  return hash.digest();
}
