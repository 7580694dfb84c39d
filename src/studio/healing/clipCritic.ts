/**
 * The critic of healing (VDMini's MCA loss) at work: it sees what teacher and student make of the same states, as clips noised
 * anew, learns to tell them apart, and gives the direction in which the student's output would look more like the teacher's.
 * Until it tells them apart it gives none: a critic at chance only harms.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { BlockTree } from '../../blocks/block';
import { StudioError } from '../../errors/StudioError';
import { producers } from '../../onnx/graph';
import type { Model } from '../../onnx/model';
import { writeModel } from '../../onnx/writeModel';
import { buildCritic, buildCriticGradient, buildCriticStep, criticOutput } from '../../passes/training/critic';
import { readParameters } from '../../passes/training/parameters';
import { besideChannels, latentChannels } from '../../pipeline/latentChannels';
import { createScheduler } from '../../pipeline/schedulers/createScheduler';
import type { Scheduler } from '../../pipeline/schedulers/Scheduler';
import { seededNoise } from '../../pipeline/seededNoise';
import type { Session } from '../../runtime/Runtime';
import { floatValues } from '../../runtime/tensors';
import type { Pipeline } from '../Pipeline';
import { stepForm } from '../teacherRuns';
import type { Edit } from '../Variant';
import type { CriticPoint, HealSettings } from './healData';
import { concatenated, HeldState, numbersOf, scalar, type TrainingState } from './heldState';
import { blockEnds } from './stageTaps';
import { callSizes, wholeOf } from './trainingGraphs';
import { batchFeeds, type TrainingItem } from './trainingStates';

export interface CriticState extends TrainingState {
  /** Running share of clips told rightly. */
  readonly accuracy: number;
}

export interface Judgement {
  readonly point: CriticPoint;
  /** The gradient of the critic's loss by the student's output, one item after another; zeros while it does not count. */
  readonly direction: Float32Array;
}

const RATE = 1e-3;
/** Mean and deviation of the logarithm of sigma for the new noise. */
const LOG_SIGMA: readonly [number, number] = [-1.2, 1.2];
/** Of the finite difference that stands in for a gradient penalty. */
const NUDGE = 0.1;
/** Share of clips told rightly before its gradient counts, and of that share's running mean what stays. */
const TRUSTED = 0.65;
/** Its updates in a step, each with other noise, until it counts: with one it was still at chance after 150 steps. */
const UPDATES_BEFORE = 4;
const MEMORY = 0.9;
const MOST_STAGES = 6;
/** Streams of `seededNoise`. */
const [LEVELS, NOISE, NUDGES, WEIGHTS] = [0x6c76, 0x6e6f, 0x6e75, 0x7765];

/** Throws `passes/unbound-size` where a call cannot take three batches, and as the graphs' passes. */
export async function createClipCritic(pipeline: Pipeline, edit: Edit, settings: HealSettings): Promise<ClipCritic> {
  const { denoiser, description } = pipeline;
  const { tree } = denoiser;
  const { batch } = settings;
  requireClips(pipeline, batch);
  const whole = wholeOf(pipeline, edit);
  const stages = criticStages(tree, whole);
  const { frames, height, width } = description.latent;
  const built = (clips: number): Model => {
    const { bindings } = callSizes(pipeline, clips);
    return buildCritic(whole, stages, { clips, frames, height, width }, bindings, (name, length, fanIn) =>
      firstWeights(name, length, fanIn, settings.seed),
    );
  };
  const learning = built(3 * batch);
  const step = buildCriticStep(learning);
  const gradient = buildCriticGradient(built(batch), step.layout, tree.latentInput);
  const opened: Session[] = [];
  const open = async (what: string, model: Model, stayOnDevice: readonly string[] = []): Promise<Session> => {
    const session = await pipeline.createSession({
      what: `${denoiser.file.path} (${what})`,
      modelBytes: writeModel(model),
      externalData: denoiser.externalData,
      stayOnDevice,
    });
    opened.push(session);
    return session;
  };
  try {
    const parts = {
      step: { model: step.model, session: await open('critic', step.model, HeldState.outputs) },
      gradient: { model: gradient, session: await open('critic’s gradient', gradient) },
    };
    return new ClipCritic(pipeline, settings, parts, await readParameters(learning, step.layout));
  } catch (thrown) {
    for (const session of opened) await session.release();
    throw thrown;
  }
}

interface Part {
  readonly model: Model;
  readonly session: Session;
}

export class ClipCritic {
  private readonly state: HeldState;
  private readonly scheduler: Scheduler;
  private accuracy = 0.5;

  constructor(
    private readonly pipeline: Pipeline,
    private readonly settings: HealSettings,
    private readonly parts: { readonly step: Part; readonly gradient: Part },
    weights: Float32Array,
  ) {
    this.state = new HeldState(weights);
    this.scheduler = createScheduler(pipeline.description.scheduler, settings.samplingSteps);
  }

  /** Learns from a batch and judges it. `teacher`, `student`: their raw outputs on `items`. */
  async judge(
    items: readonly TrainingItem[],
    teacher: Float32Array,
    student: Float32Array,
    step: number,
  ): Promise<Judgement> {
    const updates = this.accuracy > TRUSTED ? 1 : UPDATES_BEFORE;
    let noised: Noised;
    let hinge: number;
    let update = 0;
    do {
      noised = this.noised(items, teacher, student, step * UPDATES_BEFORE + update);
      const learnt = await this.learn([...noised.real, ...noised.fake, ...noised.nudged], items.length);
      this.accuracy = MEMORY * this.accuracy + (1 - MEMORY) * learnt.told;
      hinge = learnt.hinge;
    } while (++update < updates);
    const counts = this.accuracy > TRUSTED;
    const direction = counts ? await this.direction(noised) : new Float32Array(student.length);
    return { point: { loss: hinge, accuracy: this.accuracy, counts }, direction };
  }

  async readState(): Promise<CriticState> {
    return { ...(await this.state.read()), accuracy: this.accuracy };
  }

  writeState(state: CriticState): void {
    this.state.write(state);
    this.accuracy = state.accuracy;
  }

  async release(): Promise<void> {
    this.state.dispose();
    for (const { session } of Object.values(this.parts)) await session.release();
  }

  /** Clean clips of both, and the teacher's nudged, all with the same new noise, as items. */
  private noised(items: readonly TrainingItem[], teacher: Float32Array, student: Float32Array, draw: number): Noised {
    const key = (this.settings.seed * 1_000_003 + draw) >>> 0;
    const length = items[0]!.state.latent.length;
    const [levels, noise, nudges] = [
      seededNoise(key, items.length, LEVELS),
      seededNoise(key, items.length * length, NOISE),
      seededNoise(key, items.length * length, NUDGES),
    ];
    const outputs = [teacher, student].map((raw) => this.latentsOf(raw, items.length));
    const noised: Noised = { real: [], fake: [], nudged: [], slopes: [] };
    items.forEach((item, row) => {
      const { fromLatent, fromOutput } = stepForm(this.scheduler, item.run.states.indexOf(item.state));
      const { signal, noise: amount, timestep } = this.level(Math.exp(LOG_SIGMA[0] + LOG_SIGMA[1] * levels[row]!));
      const [real, fake] = outputs.map((rows) => rows[row]!) as [Float32Array, Float32Array];
      const made = (output: Float32Array, nudge: number): TrainingItem => {
        const latent = new Float32Array(length);
        for (let i = 0; i < length; i++) {
          const at = row * length + i;
          const clean = fromLatent * item.state.latent[i]! + fromOutput * output[i]! + nudge * nudges[at]!;
          latent[i] = signal * clean + amount * noise[at]!;
        }
        return { ...item, state: { ...item.state, latent, timestep } };
      };
      noised.real.push(made(real, 0));
      noised.fake.push(made(fake, 0));
      noised.nudged.push(made(real, NUDGE));
      noised.slopes.push(signal * fromOutput);
    });
    return noised;
  }

  /** One clip after another, the latent's channels alone. */
  private latentsOf(raw: Float32Array, clips: number): readonly Float32Array[] {
    const { description } = this.pipeline;
    const length = raw.length / clips;
    return Array.from({ length: clips }, (_, row) =>
      latentChannels(raw.subarray(row * length, (row + 1) * length), description.denoiser.outputChannels, description),
    );
  }

  /**
   * The pipeline's own noise level that is nearest to `sigma`: those are what the backbone knows. A model of one step knows
   * only one, in which hardly anything is left to see: it is shown `sigma` itself, as a state of variance 1.
   */
  private level(sigma: number): { readonly signal: number; readonly noise: number; readonly timestep: number } {
    const { steps } = this.scheduler;
    const wanted = sigma / Math.hypot(1, sigma);
    if (steps.length === 1) return { signal: 1 / Math.hypot(1, sigma), noise: wanted, timestep: steps[0]!.timestep };
    const forms = steps.map(({ timestep }, index) => ({ ...stepForm(this.scheduler, index), timestep }));
    const away = forms.map(({ signal, noise }) => Math.abs(noise / Math.hypot(signal, noise) - wanted));
    return forms[away.indexOf(Math.min(...away))]!;
  }

  private async learn(thirds: readonly TrainingItem[], clips: number): Promise<{ hinge: number; told: number }> {
    const { model, session } = this.parts.step;
    const feeds = { ...batchFeeds(this.pipeline, model, thirds), ...this.state.held, learningRate: scalar(RATE) };
    const wanted = ['loss:hinge', criticOutput, ...HeldState.outputs];
    const { plain, onDevice } = await session.runOnDevice(feeds, wanted);
    this.state.replace(onDevice);
    const judged = floatValues(plain[criticOutput]!);
    const heads = judged.length / thirds.length;
    const mean = (row: number) => judged.subarray(row * heads, (row + 1) * heads).reduce((a, b) => a + b, 0) / heads;
    let told = 0;
    for (let row = 0; row < clips; row++) told += Number(mean(row) > 0) + Number(mean(clips + row) < 0);
    return { hinge: numbersOf(plain)['loss:hinge']!, told: told / (2 * clips) };
  }

  private async direction({ fake, slopes }: Noised): Promise<Float32Array> {
    const { model, session } = this.parts.gradient;
    const feeds = { ...batchFeeds(this.pipeline, model, fake), parameters: this.state.held.parameters };
    const gradient = floatValues((await session.run(feeds, ['gradient']))['gradient']!);
    const { description } = this.pipeline;
    const { inputChannels, outputChannels } = description.denoiser;
    const length = gradient.length / fake.length;
    const rows = slopes.map((slope, row) => {
      const whole = gradient.subarray(row * length, (row + 1) * length);
      const byLatent = latentChannels(whole, inputChannels, description).map((value) => slope * value);
      return besideChannels(byLatent, outputChannels, description);
    });
    return concatenated(rows);
  }
}

interface Noised {
  readonly real: TrainingItem[];
  readonly fake: TrainingItem[];
  readonly nudged: TrainingItem[];
  /** Of what the critic sees by the student's output, one an item. */
  readonly slopes: number[];
}

/** Ends of the encoder's stages; of a transformer blocks spread over its first half. */
export function criticStages({ blocks }: BlockTree, whole: Model): readonly string[] {
  const made = producers(whole.graph);
  const down = blocks.filter(({ section }) => section === 'down');
  const body = blocks.filter(({ section }) => section === 'body');
  const half = body.slice(0, Math.ceil(body.length / 2));
  const spread = half.filter((_, index) => index % Math.ceil(half.length / MOST_STAGES) === 0);
  return (down.length > 0 ? down : spread).flatMap((block) => {
    const end = blockEnds(block).find((value) => made.has(value));
    return end === undefined ? [] : [end];
  });
}

/** As PyTorch begins convolutions: uniform within 1 / sqrt(fan-in). `fanIn` 0: a norm's scale or shift. */
function firstWeights(name: string, length: number, fanIn: number, seed: number): Float32Array {
  if (fanIn === 0) return new Float32Array(length).fill(name.endsWith('.weight') ? 1 : 0);
  const stream = [...name].reduce((hash, letter) => (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0, WEIGHTS);
  const bound = 1 / Math.sqrt(fanIn);
  return seededNoise(seed, length, stream).map((value) => (bound * value) / Math.sqrt(3)); // of the same deviation
}

function requireClips(pipeline: Pipeline, batch: number): void {
  if (callSizes(pipeline, batch).perCall !== batch)
    throw new StudioError(
      'passes/unbound-size',
      'A critic sees three batches in a call, and this graph takes a fixed number of clips. Heal it without (mca 0).',
      {},
    );
}
