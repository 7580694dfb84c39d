/**
 * From a folder to what the studio needs to run it: reads model_index.json, the components' configs and the
 * denoiser's graph (without weights). It knows diffusers' and Optimum's layout and nothing of any one model.
 */
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import type { Folder } from '../library/Folder';
import { baseName, directoryOf, joinPath } from '../library/paths';
import { dataInputs, firstInput } from '../onnx/graph';
import type { Model } from '../onnx/model';
import { graphIn, listedGraph, listsComponent, missingFile, readJson, readOptionalJson } from './componentFiles';
import type { Config } from './configFields';
import { countField, stringField } from './configFields';
import { roleOf } from './graphRole';
import { graphSizes } from './graphSizes';
import { describeImage } from './imageParts';
import type { LatentInput } from './latentInput';
import { readLatentInput } from './latentInput';
import { DEFAULT_SCALING_FACTOR, latentScaling } from './latentScaling';
import type { LatentSize, PipelineDescription, SchedulerConfig } from './PipelineDescription';
import { pipelineConventions } from './pipelineConventions';
import { assumedScheduler, samplingScheduler } from './samplingScheduler';
import { takesFlowSigmas, withGrid } from './schedulers/givenGrid';
import { SCHEDULER_FILE } from './schedulers/schedulerFields';
import { readStudioSettings } from './studioSettings';
import { describeText } from './textParts';

/** They are buffers of the model there, and in its config for every other class. */
const LTX_NOTE =
  "LTX keeps the mean and deviation of its latents among its weights: as latents_mean and latents_std in the decoder's config.json they are used, else 0 and 1.";

/** Reads a graph file of the folder, without weights. */
export type ReadGraph = (path: string) => Promise<Model>;

const INDEX_FILE = 'model_index.json';
/** The graph in a component's own folder, served alone. */
const LONE_FILE = 'model.onnx';
const DENOISER_FOLDERS = ['unet', 'transformer'];

const PICTURE_NOTE =
  'Prompts have no effect: a clip begins with a picture. Without one, its embedding is seeded noise.';

/**
 * Describes a pipeline folder, or a lone denoiser (one graph file, or its component folder). `size` counts where the
 * graph leaves the latent's axes free. Errors:
 * `library/missing-file` and `library/invalid-config` name the file; `library/no-model` when nothing in the folder
 * is a denoiser; `library/not-a-denoiser`; `blocks/no-latent-input`; and what `readGraph` throws.
 */
export async function describePipeline(
  folder: Folder,
  readGraph: ReadGraph,
  size: LatentSize = {},
  { anyGraph = false }: { readonly anyGraph?: boolean } = {},
): Promise<PipelineDescription> {
  const [only, ...more] = folder.paths ?? [];
  const loneFile = more.length === 0 && only?.endsWith('.onnx') ? only : undefined;
  const lone = (path: string) => describeLoneGraph(folder, path, readGraph, size, anyGraph);
  if (loneFile !== undefined) return lone(loneFile);
  const index = await readOptionalJson(folder, INDEX_FILE);
  for (const component of DENOISER_FOLDERS) {
    const modelPath = index ? await listedGraph(folder, index, component) : await graphIn(folder, component);
    if (modelPath !== undefined) return describeFolder(folder, index, modelPath, readGraph, size);
  }
  if (folder.paths !== null) return lone(chooseLoneGraph(folder));
  if (!index && (await folder.has(LONE_FILE))) return lone(LONE_FILE);
  throw missingFile(folder, index ? 'unet/model.onnx' : INDEX_FILE);
}

async function describeFolder(
  folder: Folder,
  index: Config | undefined,
  modelPath: string,
  readGraph: ReadGraph,
  size: LatentSize,
): Promise<PipelineDescription> {
  const notes = index ? [] : [`There is no ${INDEX_FILE}: the parts were found by the names of their folders.`];
  const configPath = joinPath(directoryOf(modelPath), 'config.json');
  const config = (await readOptionalJson(folder, configPath)) ?? {};
  const graph = await readGraph(modelPath);
  const className = stringField(index ?? {}, '_class_name', undefined, INDEX_FILE);
  const conventions = pipelineConventions(className);
  const text = await describeText(folder, index ?? {}, graph, readGraph, conventions);
  const decoder = await describeDecoder(folder, index ?? {}, notes);
  const bare = readLatentInput(graph, config, configPath, size);
  const input =
    decoder && bare.freeSizes.length > 0
      ? readLatentInput(graph, config, configPath, { ...decodedSize(await readGraph(decoder.modelPath)), ...size })
      : bare;
  const settings = readStudioSettings(index ?? {}, INDEX_FILE);
  const image = await describeImage(folder, config, input, settings.exampleImages ?? []);
  const given = await readScheduler(folder, index ?? {}, isTransformer(modelPath, config), notes);
  const steps = settings.steps ?? (settings.grid?.sigmas ?? settings.grid?.timesteps)?.length ?? defaultSteps(given);
  const grid = settings.grid ?? (conventions.grid && takesFlowSigmas(given) ? { rule: conventions.grid } : undefined);
  const sampler = samplingScheduler(withGrid(given, grid), tokenCount(input, config, configPath), steps);
  notes.push(...unusedParts(index ?? {}, text.parts.pooledEncoder?.modelPath));
  return {
    name: folder.name,
    ...(className === undefined ? {} : { className }),
    ...text.parts,
    ...(image ? { image } : {}),
    ...(decoder ? { decoder } : {}),
    ...denoiserParts(modelPath, input, graph, config),
    scheduler: sampler.config,
    framesPerSecond: settings.framesPerSecond ?? conventions.framesPerSecond ?? 8,
    defaults: {
      steps,
      guidance:
        settings.guidance ??
        defaultGuidance(graph, text.parts.textEncoder !== undefined, sampler.config, conventions.guidance),
      prompt: settings.prompt ?? settings.examplePrompts[0] ?? '',
      negativePrompt: settings.negativePrompt ?? '',
    },
    examplePrompts: settings.examplePrompts,
    ...(settings.trainingPrompts ? { trainingPrompts: settings.trainingPrompts } : {}),
    ...(settings.presets ? { presets: settings.presets } : {}),
    notes: [
      ...notes,
      ...input.notes,
      ...(image?.encoder && !text.parts.textEncoder ? [PICTURE_NOTE] : text.notes),
      ...(sampler.note ? [sampler.note] : []),
    ],
  };
}

/** What a pipeline has beside its text encoders and one denoiser is not run. */
function unusedParts(index: Config, pooledPath: string | undefined): string[] {
  const run = pipelineConventions(String(index['_class_name'])).text?.encoder ?? 'text_encoder';
  const encoders = ['text_encoder', 'text_encoder_2', 'text_encoder_3'].filter(
    (name) => name !== run && !pooledPath?.startsWith(`${name}/`),
  );
  const others = encoders.filter((name) => listsComponent(index, name));
  return [
    ...(others.length > 0 ? [`Not run: ${others.join(', ')}. The inputs that they would fill are seeded noise.`] : []),
    ...(listsComponent(index, 'transformer_2')
      ? ['The second transformer (of the low noise levels) is not run: the first one takes every step.']
      : []),
  ];
}

/** Throws `library/not-a-denoiser` for another part of a pipeline, unless `anyGraph`. */
async function describeLoneGraph(
  folder: Folder,
  modelPath: string,
  readGraph: ReadGraph,
  size: LatentSize,
  anyGraph: boolean,
): Promise<PipelineDescription> {
  const configPath = joinPath(directoryOf(modelPath), 'config.json');
  const config = (await readOptionalJson(folder, configPath)) ?? {};
  const graph = await readGraph(modelPath);
  const role = roleOf(graph.graph);
  if (role !== undefined && anyGraph) {
    const sizes = Object.fromEntries(graphSizes(graph, config, configPath));
    return describeOther(folder, modelPath, graph, { role, sizes });
  }
  if (role !== undefined)
    throw new StudioError('library/not-a-denoiser', `${modelPath} is ${role}, not a denoiser.`, {
      path: modelPath,
      role,
    });
  const input = readLatentInput(graph, config, configPath, size);
  const scheduler = assumedScheduler(isTransformer(modelPath, config) || input.name === 'hidden_states');
  return {
    name: baseName(modelPath) === LONE_FILE ? folder.name : baseName(modelPath),
    ...denoiserParts(modelPath, input, graph, config),
    scheduler,
    framesPerSecond: 8,
    defaults: { steps: 20, guidance: 1, prompt: '', negativePrompt: '' },
    examplePrompts: [],
    notes: [
      'A denoiser alone: the clips show its latent channels, and what a text encoder would give is seeded noise.',
      `No scheduler came with it: ${scheduler._class_name} is assumed.`,
      ...input.notes,
    ],
  };
}

/** For map, plans and exports: nothing of it is sampled. What its trunk works on is found with its blocks. */
function describeOther(
  folder: Folder,
  modelPath: string,
  graph: Model,
  other: NonNullable<PipelineDescription['other']>,
): PipelineDescription {
  return {
    name: baseName(modelPath) === LONE_FILE ? folder.name : baseName(modelPath),
    other,
    denoiser: { modelPath, latentInput: firstInput(graph.graph).name, inputChannels: 1, outputChannels: 1 },
    latent: { channels: 1, frames: 1, height: 1, width: 1 },
    latentLayout: 'BCHW',
    freeSizes: [],
    scheduler: assumedScheduler(false),
    framesPerSecond: 8,
    defaults: { steps: 1, guidance: 1, prompt: '', negativePrompt: '' },
    examplePrompts: [],
    notes: [`${modelPath} is ${other.role}: its blocks are mapped, planned and exported; it is not sampled.`],
  };
}

function denoiserParts(
  modelPath: string,
  input: LatentInput,
  graph: Model,
  config: Config,
): Pick<PipelineDescription, 'denoiser' | 'latent' | 'latentLayout' | 'freeSizes'> {
  const { name, inputChannels, outputChannels, layout, latent, freeSizes } = input;
  return {
    denoiser: {
      modelPath,
      latentInput: name,
      inputChannels,
      outputChannels,
      ...(takesGuidance(graph) ? { embedsGuidance: true } : {}),
      ...(config['_class_name'] === 'UNetMotionModel' ? { textPerFrame: true } : {}),
    },
    latent,
    latentLayout: layout,
    freeSizes,
  };
}

/** Among loose files: the only graph, or the one whose name says denoiser. Throws `library/no-model`. */
function chooseLoneGraph(folder: Folder): string {
  const graphs = folder.paths?.filter((path) => path.endsWith('.onnx')) ?? [];
  if (graphs.length === 1) return present(graphs[0]);
  const telling = graphs.filter((path) => /unet|transformer|denoiser|dit/i.test(path));
  if (telling.length === 1) return present(telling[0]);
  if (graphs.includes(LONE_FILE)) return LONE_FILE;
  const why =
    graphs.length === 0
      ? 'it holds no .onnx file'
      : `none of ${graphs.join(', ')} is in a folder named ${DENOISER_FOLDERS.join(' or ')}`;
  throw new StudioError('library/no-model', `${folder.name} has no denoiser: ${why}.`, { folder: folder.name, graphs });
}

async function describeDecoder(
  folder: Folder,
  index: Config,
  notes: string[],
): Promise<PipelineDescription['decoder']> {
  const modelPath = await listedGraph(folder, index, 'vae_decoder');
  if (modelPath === undefined) {
    notes.push('There is no vae_decoder: the clips show latent channels.');
    return undefined;
  }
  const candidates = [joinPath(directoryOf(modelPath), 'config.json'), 'vae/config.json'];
  for (const path of candidates) {
    const config = await readOptionalJson(folder, path);
    if (!config) continue;
    const scaling = latentScaling(config, path);
    if (config['_class_name'] === 'AutoencoderKLLTXVideo' && !scaling.channels) notes.push(LTX_NOTE);
    return { modelPath, ...scaling };
  }
  notes.push(`The decoder has no config.json: a scaling factor of ${DEFAULT_SCALING_FACTOR} is assumed.`);
  return { modelPath, scalingFactor: DEFAULT_SCALING_FACTOR, shiftFactor: 0 };
}

/** The latent's size as far as the decoder's graph fixes it: no other could be decoded. */
function decodedSize({ graph }: Model): LatentSize {
  const shape = dataInputs(graph)[0]?.type?.shape ?? [];
  const names = ['frames', 'height', 'width'] as const;
  const sizes = names.slice(shape.length === 5 ? 0 : 1).map((name, axis) => [name, shape[axis + 2]] as const);
  return Object.fromEntries(sizes.filter(([, size]) => typeof size === 'number' && size > 0));
}

async function readScheduler(
  folder: Folder,
  index: Config,
  isFlow: boolean,
  notes: string[],
): Promise<SchedulerConfig> {
  const path = `scheduler/${SCHEDULER_FILE}`;
  if (!(await folder.has(path))) {
    if (listsComponent(index, 'scheduler')) throw missingFile(folder, path);
    const assumed = assumedScheduler(isFlow);
    notes.push(`No scheduler came with it: ${assumed._class_name} is assumed.`);
    return assumed;
  }
  const config = await readJson(folder, path);
  const listed = Array.isArray(index['scheduler']) ? index['scheduler'][1] : undefined;
  const name = stringField(config, '_class_name', typeof listed === 'string' ? listed : undefined, path);
  if (name === undefined)
    throw new StudioError('library/invalid-config', `${path}: "_class_name" is missing.`, {
      file: path,
      field: '_class_name',
    });
  return { ...config, _class_name: name };
}

function isTransformer(modelPath: string, config: Config): boolean {
  return /(^|\/)transformer\//.test(modelPath) || /Transformer|DiT/.test(String(config['_class_name'] ?? ''));
}

/** The transformer's sequence length: latent pixels over the patch. */
function tokenCount({ latent }: LatentInput, config: Config, file: string): number {
  const patch = Array.isArray(config['patch_size']) ? config['patch_size'] : undefined;
  const area = patch
    ? patch.reduce((product: number, size) => product * Number(size), 1)
    : countField(config, 'patch_size', 1, file) ** 2 * countField(config, 'patch_size_t', 1, file);
  return Math.max(1, Math.round((latent.frames * latent.height * latent.width) / area));
}

/** Distilled models take few steps; a short schedule has no more than it was trained with. */
function defaultSteps(scheduler: SchedulerConfig): number {
  if (scheduler._class_name.startsWith('LCM')) return 4;
  return Math.min(20, countField(scheduler, 'num_train_timesteps', 1000, SCHEDULER_FILE));
}

/** 1 where nothing can be guided: no text, or a model of an unknown pipeline that takes the guidance as an input. */
function defaultGuidance(graph: Model, hasText: boolean, scheduler: SchedulerConfig, own: number | undefined): number {
  if (takesGuidance(graph)) return own ?? 1;
  if (!hasText) return 1;
  return own ?? (scheduler._class_name.startsWith('FlowMatch') ? 5 : 7.5);
}

function takesGuidance({ graph }: Model): boolean {
  return graph.inputs.some(({ name }) => name === 'guidance');
}
