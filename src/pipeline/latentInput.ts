/**
 * The denoiser's latent input, found in its graph: which input it is, its layout, and the size of one clip. The
 * graph's numbers decide (the runtime would refuse others); the config fills in what the graph leaves dynamic.
 */
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import type { Dim, Graph, Model, ValueInfo } from '../onnx/model';
import type { Config } from './configFields';
import { countField } from './configFields';
import type { LatentLayout, LatentSize, PipelineDescription } from './PipelineDescription';

export interface LatentInput {
  readonly name: string;
  readonly layout: LatentLayout;
  readonly latent: PipelineDescription['latent'];
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly freeSizes: readonly (keyof LatentSize)[];
  readonly notes: readonly string[];
}

/** Names that exporters give the latent, most telling first. */
const LATENT_NAMES = ['sample', 'latent_model_input', 'noisy_latents', 'latents', 'latent', 'hidden_states', 'x'];
/** Denoisers of diffusers that take frames before channels. */
const FRAMES_FIRST = ['UNetSpatioTemporalConditionModel', 'CogVideoXTransformer3DModel'];
const FALLBACK = { channels: 4, frames: 16, size: 32 };

/** Throws `blocks/no-latent-input`; `library/invalid-config` for a malformed config field (`configPath` names it). */
export function readLatentInput(model: Model, config: Config, configPath: string, asked: LatentSize = {}): LatentInput {
  const { graph } = model;
  const input = findLatentInput(graph);
  const shape = input.type?.shape ?? [null, null, null, null, null];
  const notes: string[] = [];
  const known =
    countField(config, 'in_channels', undefined, configPath) ??
    firstConvChannels(graph, shape.length === 5 ? shape.slice(1, 3) : shape.slice(1, 2));
  const layout = readLayout(shape, known, config, notes);
  const axes = splitAxes(shape, layout);
  const inputChannels = choose(axes.channels, known, FALLBACK.channels, 'channels', notes);
  const outputChannels =
    outputChannelsOf(graph, layout) ?? countField(config, 'out_channels', undefined, configPath) ?? inputChannels;
  const [height, width] = configSize(config, configPath);
  const channels = Math.min(inputChannels, outputChannels);
  const sizeOf = (what: keyof LatentSize, inConfig: number | undefined) =>
    choose(axes[what], asked[what] ?? inConfig, what === 'frames' ? FALLBACK.frames : FALLBACK.size, what, notes);
  const latent =
    layout === 'BLC'
      ? { channels, ...tokenGrid(axes.tokens, asked, notes) }
      : {
          channels,
          frames: layout === 'BCHW' ? 1 : sizeOf('frames', configFrames(config, configPath)),
          height: sizeOf('height', height),
          width: sizeOf('width', width),
        };
  const freeSizes = (['frames', 'height', 'width'] as const).filter(
    (what) => layout === 'BLC' || (axes[what] !== undefined && !isFixed(axes[what])),
  );
  return { name: input.name, layout, latent, inputChannels, outputChannels, freeSizes, notes };
}

function isFloat(input: ValueInfo): boolean {
  return input.type === undefined || ['float32', 'float16', 'bfloat16', 'float64'].includes(input.type.dataType);
}

function findLatentInput(graph: Graph): ValueInfo {
  const inputs = graph.inputs.filter((input) => !graph.initializers.has(input.name) && isFloat(input));
  const rank = (input: ValueInfo) => input.type?.shape?.length ?? 0;
  const named = LATENT_NAMES.map((name) =>
    inputs.find((input) => input.name === name && (rank(input) === 0 || rank(input) >= 3)),
  );
  const byName = named.find((input) => input !== undefined);
  if (byName) return byName;
  const highest = inputs.toSorted((a, b) => rank(b) - rank(a))[0];
  if (highest && rank(highest) >= 4) return highest;
  const names = graph.inputs.map(({ name }) => name);
  throw new StudioError(
    'blocks/no-latent-input',
    `None of the inputs (${names.join(', ')}) can be told to be the latent clip.`,
    { inputs: names },
  );
}

/** What may stand between a stored weight and its convolution: fp16 storage, quantisation. */
const WEIGHT_VIEWS = ['Cast', 'Identity', 'DequantizeLinear'];

/** Convolutions, and the axis of their weight that holds the input channels. */
const CHANNELS_AXIS = new Map([
  ['Conv', 1],
  ['FusedConv', 1],
  ['ConvInteger', 1],
  ['NhwcConv', -1],
]);

/**
 * Input channels of the first convolution over the latent: the first whose weight is stored and fits one of the
 * axes that may be channels; where the graph fixes none of them, the first of all.
 */
function firstConvChannels(graph: Graph, axes: readonly (Dim | undefined)[]): number | undefined {
  const views = new Map(
    graph.nodes.filter(({ opType }) => WEIGHT_VIEWS.includes(opType)).map((node) => [node.outputs[0], node.inputs[0]]),
  );
  const fixed = axes.filter((axis) => typeof axis === 'number');
  for (const node of graph.nodes) {
    if (!CHANNELS_AXIS.has(node.opType)) continue;
    const name = node.inputs[1] ?? '';
    const weight = graph.initializers.get(name) ?? graph.initializers.get(views.get(name) ?? '');
    const channels =
      weight && weight.dims.length >= 4 ? weight.dims.at(present(CHANNELS_AXIS.get(node.opType))) : undefined;
    if (channels !== undefined && (fixed.length === 0 || fixed.includes(channels))) return channels;
  }
  return undefined;
}

function readLayout(
  shape: readonly Dim[],
  channels: number | undefined,
  config: Config,
  notes: string[],
): LatentLayout {
  if (shape.length === 3) return 'BLC';
  if (shape.length === 4) return 'BCHW';
  if (shape.length !== 5) {
    throw new StudioError(
      'blocks/no-latent-input',
      `The latent input has ${shape.length} dimensions; 3, 4 or 5 are understood.`,
      { rank: shape.length },
    );
  }
  const [first, second] = [present(shape[1]), present(shape[2])];
  if (channels !== undefined && first !== second) {
    if (first === channels) return 'BCFHW';
    if (second === channels) return 'BFCHW';
  }
  if (typeof first === 'string' && /frame|time/i.test(first)) return 'BFCHW';
  if (typeof second === 'string' && /frame|time/i.test(second)) return 'BCFHW';
  if (typeof first === 'number' && typeof second !== 'number') return 'BCFHW';
  if (typeof second === 'number' && typeof first !== 'number') return 'BFCHW';
  if (FRAMES_FIRST.includes(String(config['_class_name']))) return 'BFCHW';
  notes.push(
    'Neither graph nor config tells channels from frames: the latent is taken as [batch, channels, frames, height, width].',
  );
  return 'BCFHW';
}

interface Axes {
  readonly channels?: Dim | undefined;
  readonly frames?: Dim | undefined;
  readonly height?: Dim | undefined;
  readonly width?: Dim | undefined;
  readonly tokens?: Dim | undefined;
}

function splitAxes(shape: readonly Dim[], layout: LatentLayout): Axes {
  switch (layout) {
    case 'BCFHW':
      return { channels: shape[1], frames: shape[2], height: shape[3], width: shape[4] };
    case 'BFCHW':
      return { frames: shape[1], channels: shape[2], height: shape[3], width: shape[4] };
    case 'BCHW':
      return { channels: shape[1], height: shape[2], width: shape[3] };
    case 'BLC':
      return { tokens: shape[1], channels: shape[2] };
  }
}

const isFixed = (dim: Dim | undefined): dim is number => typeof dim === 'number' && dim > 0;

/** The graph's number, else what is asked for or the config says, else a fallback that is noted. */
function choose(
  inGraph: Dim | undefined,
  wanted: number | undefined,
  fallback: number,
  what: string,
  notes: string[],
): number {
  if (isFixed(inGraph)) {
    if (wanted !== undefined && wanted !== inGraph)
      notes.push(`The graph fixes ${what} at ${inGraph}; ${wanted} was wanted.`);
    return inGraph;
  }
  if (wanted !== undefined) return wanted;
  notes.push(`Neither graph nor config gives the latent's ${what}: ${fallback} is assumed.`);
  return fallback;
}

/** The channels of the first output that has the latent's rank. */
function outputChannelsOf(graph: Graph, layout: LatentLayout): number | undefined {
  const shape = graph.outputs.find((output) => output.type?.shape?.length === layout.length)?.type?.shape;
  const channels = shape ? splitAxes(shape, layout).channels : undefined;
  return typeof channels === 'number' ? channels : undefined;
}

/** Latent frames. CogVideoX counts pixel frames (`sample_frames`) and says how many of them make a latent one. */
function configFrames(config: Config, file: string): number | undefined {
  const pixelFrames = countField(config, 'sample_frames', undefined, file);
  if (pixelFrames !== undefined)
    return Math.floor((pixelFrames - 1) / countField(config, 'temporal_compression_ratio', 1, file)) + 1;
  return countField(config, 'num_frames', undefined, file) ?? countField(config, 'video_length', undefined, file);
}

function configSize(config: Config, file: string): [number | undefined, number | undefined] {
  const size = config['sample_size'];
  if (Array.isArray(size))
    return [
      countField({ sample_size: size[0] }, 'sample_size', undefined, file),
      countField({ sample_size: size[1] }, 'sample_size', undefined, file),
    ];
  const square = countField(config, 'sample_size', undefined, file);
  return [countField(config, 'sample_height', square, file), countField(config, 'sample_width', square, file)];
}

type Grid = Readonly<Required<LatentSize>>;

/**
 * Tokens say nothing of frames and pixels: where nobody else does either, they are shown as one frame, as near to a square as
 * they divide.
 */
function tokenGrid(tokens: Dim | undefined, asked: LatentSize, notes: string[]): Grid {
  const { frames, height: rows, width } = asked;
  if (frames !== undefined && rows !== undefined && width !== undefined) {
    if (!isFixed(tokens) || frames * rows * width === tokens) return { frames, height: rows, width };
    notes.push(`The graph fixes the latent at ${tokens} tokens; ${frames}x${rows}x${width} was wanted.`);
  }
  const count = isFixed(tokens) ? tokens : FALLBACK.size ** 2;
  let height = Math.floor(Math.sqrt(count));
  while (count % height !== 0) height--;
  notes.push(
    `The latent is a row of ${count} tokens; it is shown as one frame of ${height}x${count / height}, as nothing tells its size.`,
  );
  return { frames: 1, height, width: count / height };
}
