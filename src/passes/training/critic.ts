/**
 * The critic of VDMini's MCA loss as graphs: the teacher's first stages as a frozen backbone, after each of them one head that sees
 * frames apart (space) and one that sees pixels apart (time), as in SF-V. `buildCritic` writes the forward graph, whose heads'
 * weights are named `critic.*`; learning and its gradient by the clip are passes over that. No noise is made here.
 */
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import { elementCount } from '../../onnx/dataTypes';
import { allNames, removeDeadCode } from '../../onnx/graph';
import type { Model, Tensor } from '../../onnx/model';
import { fixSizes } from '../differentiate/fixSizes';
import { forward, written } from '../differentiate/forward';
import { float, GraphWriter } from '../differentiate/GraphWriter';
import { reverse } from '../differentiate/reverse';
import { toFloat32 } from '../differentiate/toFloat32';
import type { AdamW } from './adamW';
import { type ParameterLayout, parameterise } from './parameters';
import { buildTrainingStep, type TrainingStep } from './trainingStep';

/** Clips in a call, and the frames, height and width of their latents. */
export interface ClipGrid {
  readonly clips: number;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

/** Of a head's inner layers. */
const WIDTH = 64;
const GROUPS = 8;
/** What the finite difference weighs beside the hinge. */
const NUDGE_WEIGHT = 10;

export const criticOutput = 'judged';

/**
 * `stages`: values of `teacher`, those that are no video left out. Output `judged` [clips, heads]: the mean of each head's logits.
 * `initial(shape, fanIn)`: first values of a head's weight. Throws `passes/unknown-value` where no stage is a video.
 */
export function buildCritic(
  teacher: Model,
  stages: readonly string[],
  grid: ClipGrid,
  bindings: ReadonlyMap<string, number>,
  initial: (name: string, length: number, fanIn: number) => Float32Array,
): Model {
  const cut = {
    ...teacher,
    graph: removeDeadCode({ ...teacher.graph, outputs: stages.map((name) => ({ name })) }),
  };
  const { model, types } = fixSizes(toFloat32(cut), { bindings });
  const w = new GraphWriter(model.opsets.get('') ?? 0, types, allNames(model.graph), 'c/');
  const weights = new Map<string, Tensor>();
  const weight = (name: string, dims: readonly number[], fanIn: number): string => {
    const values = initial(name, elementCount(dims), fanIn);
    weights.set(name, { name, dataType: 'float32', dims, data: { kind: 'inline', bytes: bytesOf(values) } });
    types.set(name, { dataType: 'float32', shape: dims });
    return name;
  };
  const videos = stages.map((stage) => asVideo(w, stage, grid));
  const headsIn = (kind: string, folded: (w: GraphWriter, video: string) => string) =>
    videos.flatMap((video, index) =>
      video === undefined ? [] : [head(w, folded(w, video), `critic.${kind}.${index}`, weight, grid.clips)],
    );
  const heads = [...headsIn('space', inSpace), ...headsIn('time', inTime)];
  if (heads.length === 0)
    throw new StudioError(
      'passes/unknown-value',
      'No stage of this model gives features by frame: a critic has nothing to see.',
    );
  w.concat(heads, 1, criticOutput);
  const graph = {
    ...model.graph,
    nodes: [...model.graph.nodes, ...w.nodes],
    initializers: new Map([...model.graph.initializers, ...w.initializers, ...weights]),
    outputs: [{ name: criticOutput, type: w.type(criticOutput) }],
  };
  return { ...model, graph: removeDeadCode(graph) };
}

/**
 * The critic's own step, for a graph whose clips are thirds: of the teacher (real), of the student (fake), and the real ones
 * nudged. max(0, 1 - real) + max(0, 1 + fake) + a finite difference on real clips in place of a gradient penalty.
 */
export function buildCriticStep(critic: Model, optimiser: Partial<AdamW> = {}): TrainingStep {
  return buildTrainingStep(critic, {
    losses: [
      { kind: 'real-fake', name: 'hinge', weight: 1, value: criticOutput },
      { kind: 'nudge', name: 'nudge', weight: NUDGE_WEIGHT, value: criticOutput },
    ],
    trainable: /^critic\./,
    shown: [criticOutput],
    optimiser: { beta1: 0, beta2: 0.99, weightDecay: 0, clip: 1, averaging: 0, ...optimiser },
  });
}

/** Inputs: the critic's own and its weights, flat (`parameters`). Outputs: `judged`, and `gradient`, that of -mean(judged) by the latent. */
export function buildCriticGradient(critic: Model, layout: ParameterLayout, latentInput: string): Model {
  const given = forward(parameterise(critic, layout), { wanted: [latentInput] });
  const { w } = given;
  const count = elementCount(w.shape(criticOutput));
  const gradients = reverse(w, w.times(w.sumAll(criticOutput), -1 / count), [latentInput], given.numbers);
  const gradient = gradients.get(latentInput);
  if (!gradient)
    throw new StudioError('passes/nothing-to-train', 'What the critic sees does not depend on the clip.', {
      latentInput,
    });
  w.emit('Identity', [gradient], [w.type(gradient)], { as: 'gradient' });
  const whole = written(given);
  const outputs = [criticOutput, 'gradient'].map((name) => ({ name, type: w.type(name) }));
  return { ...whole, graph: removeDeadCode({ ...whole.graph, outputs }) };
}

const bytesOf = (values: Float32Array): Uint8Array => new Uint8Array(values.slice().buffer);

/** [clips, frames, channels, height, width]; undefined for what is no video (text, time). */
function asVideo(w: GraphWriter, value: string, { clips, frames, height, width }: ClipGrid): string | undefined {
  const shape = w.types.get(value)?.shape;
  if (!shape) return undefined;
  const [first, second, third] = shape as [number, number, number];
  if (shape.length === 5 && first === clips && third === frames) return w.transpose(value, [0, 2, 1, 3, 4]);
  if (shape.length === 5 && first === clips && second === frames) return value;
  if (shape.length === 4 && first === clips * frames) return w.reshape(value, [clips, frames, ...shape.slice(1)]);
  if (shape.length !== 3) return undefined;
  // tokens: a patch covers as much of the height as of the width
  const places = (second * first) / (clips * frames);
  const high = Math.round(Math.sqrt((places * height) / width));
  if (high * Math.round(places / high) !== places || (first !== clips && first !== clips * frames)) return undefined;
  return w.transpose(w.reshape(value, [clips, frames, high, places / high, third]), [0, 1, 4, 2, 3]);
}

/** [clips * frames, channels, height, width]. */
function inSpace(w: GraphWriter, video: string): string {
  const [clips, frames, ...rest] = w.shape(video) as [number, number, ...number[]];
  return w.reshape(video, [clips * frames, ...rest]);
}

/** [clips * height * width, channels, frames]. */
function inTime(w: GraphWriter, video: string): string {
  const [clips, frames, channels, height, width] = w.shape(video) as [number, number, number, number, number];
  return w.reshape(w.transpose(video, [0, 3, 4, 2, 1]), [clips * height * width, channels, frames]);
}

/** 1x1, group norm, SiLU, 3 wide, SiLU, 1x1 to a logit; the mean over a clip's logits, [clips, 1]. */
function head(
  w: GraphWriter,
  x: string,
  name: string,
  weight: (name: string, dims: readonly number[], fanIn: number) => string,
  clips: number,
): string {
  const conv = (from: string, index: number, outputs: number, size: number): string => {
    const [count, channels, ...places] = w.shape(from) as [number, number, ...number[]];
    const kernel = places.map(() => size);
    const fanIn = channels * elementCount(kernel);
    const pad = (size - 1) / 2;
    const operands = [
      weight(`${name}.layers.${index}.weight`, [outputs, channels, ...kernel], fanIn),
      weight(`${name}.layers.${index}.bias`, [outputs], fanIn),
    ];
    return present(
      w.emit('Conv', [from, ...operands], [{ dataType: 'float32', shape: [count, outputs, ...places] }], {
        attributes: { kernel_shape: kernel, pads: [...kernel, ...kernel].map(() => pad) },
      })[0],
    );
  };
  const silu = (from: string): string => w.mul(from, w.unary('Sigmoid', from));
  const first = conv(x, 0, WIDTH, 1);
  const normal = groupNorm(w, first, `${name}.layers.1`, weight);
  const logits = conv(silu(conv(silu(normal), 3, WIDTH, 3)), 5, 1, 1);
  const flat = w.reshape(logits, [clips, elementCount(w.shape(logits)) / clips]);
  return w.times(w.reduceSum(flat, [1]), 1 / present(w.shape(flat)[1]));
}

function groupNorm(
  w: GraphWriter,
  x: string,
  name: string,
  weight: (name: string, dims: readonly number[], fanIn: number) => string,
): string {
  const [count, channels, ...places] = w.shape(x) as [number, number, ...number[]];
  const grouped = w.reshape(x, [count, GROUPS, (channels / GROUPS) * elementCount(places)]);
  const [normal] = w.emit(
    'InstanceNormalization',
    [grouped, w.floats(new Array<number>(GROUPS).fill(1)), w.floats(new Array<number>(GROUPS).fill(0))],
    [{ dataType: 'float32', shape: w.shape(grouped) }],
    { attributes: { epsilon: float(1e-5) } },
  ) as [string];
  const vector = [channels, ...places.map(() => 1)];
  const scaled = w.mul(w.reshape(normal, w.shape(x)), w.reshape(weight(`${name}.weight`, [channels], 0), vector));
  return w.add(scaled, w.reshape(weight(`${name}.bias`, [channels], 0), vector));
}
