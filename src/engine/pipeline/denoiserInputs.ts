/**
 * What every input of a denoiser is fed. The latent, the timestep and the text are known; the rest (masks, frame
 * rates, rotary tables, pooled projections of encoders that are not there) gets a sensible constant or seeded noise,
 * and a note that says so, so that a lone denoiser of any family can be run.
 */
import { latentDims } from '../../diffusion/latentFrames';
import type { PipelineDescription } from '../../diffusion/PipelineDescription';
import { seededNoise } from '../../diffusion/seededNoise';
import type { Branch } from '../../diffusion/guidance';
import type { Dim, Model, ValueInfo } from '../../onnx/model';
import { evaluateDim } from '../../onnx/shapes/dimExpression';
import type { PlainTensor, TensorDataType } from '../runtime/Runtime';
import { elementCount, filled, runtimeType, tensorOf } from '../runtime/tensors';

/** One input besides the latent and the gates. */
export interface ConditioningInput {
  readonly name: string;
  readonly dataType: TensorDataType;
  readonly role: 'timestep' | 'text' | 'constant';
  /** Dimensions for a batch of clips. */
  dims(batch: number): readonly number[];
  /** For 'constant', and for 'text' where there is no text encoder: one clip's tensor. */
  value(branch: Branch): PlainTensor;
}

export interface DenoiserInputs {
  readonly latentType: TensorDataType;
  readonly outputName: string;
  /** Clips per call: any, or what the graph fixes. */
  readonly batch: 'any' | number;
  readonly conditioning: readonly ConditioningInput[];
  /** Symbolic dimension -> size, for one call with one clip (or the fixed batch). */
  readonly bindings: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
}

/** Throws `onnx/unsupported` for an input of a type that the runtime does not take. */
export function planDenoiserInputs(model: Model, description: PipelineDescription): DenoiserInputs {
  const { graph } = model;
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  const latent = inputs.find(({ name }) => name === description.denoiser.latentInput)!;
  const others = inputs.filter((input) => input !== latent);
  const perClip = description.latentLayout === 'BCHW' ? description.latent.frames : 1;
  const batch = clipsPerCall(latent, perClip);
  const bindings = new Map<string, number>();
  bindLatent(bindings, latent, description, batch === 'any' ? 1 : batch);
  const notes: string[] = [];
  const conditioning = others.map((input) => planInput(input, description, bindings, batch, notes));
  return {
    latentType: runtimeType(latent.type?.dataType ?? 'float32', latent.name),
    outputName: graph.outputs[0]!.name,
    batch,
    conditioning,
    bindings,
    notes,
  };
}

function clipsPerCall(latent: ValueInfo, perClip: number): 'any' | number {
  const rows = latent.type?.shape?.[0];
  return typeof rows === 'number' && rows > 0 ? Math.max(1, Math.round(rows / perClip)) : 'any';
}

function bindLatent(bindings: Map<string, number>, latent: ValueInfo, description: PipelineDescription, batch: number): void {
  const dims = latentDims(description.latentLayout, description.latent, batch, description.denoiser.inputChannels);
  latent.type?.shape?.forEach((dim, axis) => {
    if (typeof dim === 'string' && !bindings.has(dim)) bindings.set(dim, dims[axis]!);
  });
}

function planInput(input: ValueInfo, description: PipelineDescription, bindings: Map<string, number>, batch: DenoiserInputs['batch'], notes: string[]): ConditioningInput {
  const { name } = input;
  const dataType = runtimeType(input.type?.dataType ?? 'float32', name);
  const shape = input.type?.shape ?? [];
  const role = roleOf(name, shape.length, dataType, description.textEncoder !== undefined);
  const rowsPerClip = rowsOf(shape[0], description, batch);
  const inner = shape.slice(1).map((dim, i) => sizeOf(dim, i, role, name, description, bindings));
  bindInput(bindings, shape, [rowsPerClip * (batch === 'any' ? 1 : batch), ...inner]);
  const dims = (clips: number): readonly number[] => (shape.length === 0 ? [] : [rowsPerClip === 0 ? 1 : rowsPerClip * clips, ...inner]);
  const value = (branch: Branch): PlainTensor => constantFor(name, dataType, dims(1), description, branch);
  if (role !== 'timestep' && !(role === 'text' && description.textEncoder)) notes.push(noteFor(name, dataType));
  return { name, dataType, role, dims, value };
}

function roleOf(name: string, rank: number, dataType: TensorDataType, hasText: boolean): ConditioningInput['role'] {
  if (/^(timesteps?|t|time_?steps?)$/i.test(name)) return 'timestep';
  const isText = /^(encoder_hidden_states|context|text_?embed\w*|prompt_?embeds?|crossattn|y)$/i.test(name);
  return hasText && isText && rank === 3 && dataType.startsWith('float') ? 'text' : 'constant';
}

/** Rows of the first axis that belong to one clip: 1, or one per frame; 0 where the axis is fixed at 1 whatever the batch. */
function rowsOf(rows: Dim | undefined, { latent }: PipelineDescription, batch: DenoiserInputs['batch']): number {
  if (typeof rows === 'number' && rows > 0) return batch === 'any' ? (rows === 1 ? 0 : rows) : rows === 1 && batch > 1 ? 0 : Math.max(1, Math.round(rows / batch));
  if (typeof rows === 'string') {
    const perBatch = /\*|frames?$/i.test(rows) ? evaluatePerClip(rows) : undefined;
    if (perBatch !== undefined) return perBatch;
    if (/batch.*frames?|frames?.*batch/i.test(rows)) return latent.frames;
  }
  return 1;
}

/** '16*batch' -> 16. */
function evaluatePerClip(expression: string): number | undefined {
  const symbols = new Set(expression.match(/[A-Za-z_][\w.]*/g));
  if (symbols.size !== 1) return undefined;
  const [symbol] = symbols;
  return expression === symbol ? undefined : evaluateDim(expression, new Map([[symbol!, 1]]));
}

/** An inner dimension that the graph leaves open: bound by the latent, or a length that no file gives. */
function sizeOf(dim: Dim | undefined, i: number, role: ConditioningInput['role'], name: string, description: PipelineDescription, bindings: ReadonlyMap<string, number>): number {
  if (typeof dim === 'number' && dim > 0) return dim;
  const bound = typeof dim === 'string' ? evaluateDim(dim, bindings) : undefined;
  if (bound !== undefined) return bound;
  if (typeof dim === 'string' && /frame|time/i.test(dim)) return description.latent.frames;
  if (i === 0 && (role === 'text' || /encoder|text|context|mask/i.test(name))) return description.textEncoder?.maxTokens ?? 16;
  return 1;
}

function bindInput(bindings: Map<string, number>, shape: readonly Dim[], sizes: readonly number[]): void {
  shape.forEach((dim, axis) => {
    if (typeof dim === 'string' && !bindings.has(dim)) bindings.set(dim, Math.max(1, sizes[axis]!));
  });
}

/** Stable Video Diffusion's micro-conditioning: frames per second less one, motion bucket, noise augmentation. */
const ADDED_TIME_IDS = [6, 127, 0.02];
/** HunyuanVideo takes its guidance scale of 6 as an input, times 1000. */
const EMBEDDED_GUIDANCE = 6000;

const sizes: Readonly<Record<string, (description: PipelineDescription) => number>> = {
  num_frames: ({ latent }) => latent.frames,
  frames: ({ latent }) => latent.frames,
  height: ({ latent }) => latent.height,
  width: ({ latent }) => latent.width,
  fps: ({ framesPerSecond }) => framesPerSecond,
  frame_rate: ({ framesPerSecond }) => framesPerSecond,
  guidance: () => EMBEDDED_GUIDANCE,
};

function constantFor(name: string, dataType: TensorDataType, dims: readonly number[], description: PipelineDescription, branch: Branch): PlainTensor {
  const count = elementCount(dims);
  const known = sizes[name.toLowerCase()];
  if (known) return filled(dataType, dims, known(description));
  if (name === 'added_time_ids') return tensorOf(dataType, dims, Float32Array.from({ length: count }, (_, i) => ADDED_TIME_IDS[i % ADDED_TIME_IDS.length]!));
  if (dataType === 'bool' || /mask/i.test(name)) return filled(dataType, dims, 1);
  if (/cos/i.test(name)) return filled(dataType, dims, 1); // a rotation by nothing
  if (/sin/i.test(name) || !dataType.startsWith('float')) return filled(dataType, dims, 0);
  if (branch === 'unconditional') return filled(dataType, dims, 0);
  return tensorOf(dataType, dims, seededNoise(nameSeed(name), count));
}

/** So that two inputs do not get the same noise. */
function nameSeed(name: string): number {
  return [...name].reduce((hash, letter) => (Math.imul(hash, 31) + letter.codePointAt(0)!) >>> 0, 17);
}

function noteFor(name: string, dataType: TensorDataType): string {
  if (sizes[name.toLowerCase()] || name === 'added_time_ids') return `The input ${name} is held at a usual value.`;
  if (dataType === 'bool' || /mask/i.test(name)) return `The input ${name} is 1 everywhere.`;
  if (/cos|sin/i.test(name)) return `The rotary input ${name} is held at "no rotation".`;
  return dataType.startsWith('float') ? `The input ${name} is filled with seeded noise.` : `The input ${name} is held at 0.`;
}
