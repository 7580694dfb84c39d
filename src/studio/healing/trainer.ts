/**
 * The sessions of healing: the teacher with taps, the student's training step, and the student with weights as an input.
 * Weights, moments and averages stay on the device from step to step; what comes back are a few numbers. It knows nothing
 * of schedules, states or when to stop.
 */
import { present } from '../../errors/present';
import type { Model, Tensor } from '../../onnx/model';
import { writeModel } from '../../onnx/writeModel';
import { type ParameterLayout, parametersInput, readParameters } from '../../passes/training/parameters';
import { nextOf } from '../../passes/training/trainingStep';
import { nextTask } from '../../runtime/nextTask';
import type { DeviceTensor, Feeds, PlainTensor, Session, SessionModel } from '../../runtime/Runtime';
import { floatValues } from '../../runtime/tensors';
import type { Pipeline } from '../Pipeline';
import type { Edit } from '../Variant';
import type { HealSettings, TrainingPoint } from './healData';
import { concatenated, dispose, HeldState, numbersOf, scalar, type TrainingState, vector } from './heldState';
import { type TrainedStage, type TrainingGraphs, trainingGraphs } from './trainingGraphs';
import { batchFeeds, type TrainingItem } from './trainingStates';

/** What a critic makes of the raw outputs of a batch: the direction that its loss asks the student's to take. */
export type Judge = (teacher: Float32Array, student: Float32Array) => Promise<Float32Array>;

export interface Trainer {
  readonly layout: ParameterLayout;
  /** Trained weights as tensors of the student, by initializer. */
  tensorsOf(flat: Float32Array): Promise<ReadonlyMap<string, Tensor>>;
  /** One update on a batch. */
  step(
    items: readonly TrainingItem[],
    learningRate: number,
    judge?: Judge,
  ): Promise<Omit<TrainingPoint, 'step' | 'stage'>>;
  /** Raw outputs of the teacher, one an item. */
  teacherOutputs(items: readonly TrainingItem[]): Promise<readonly Float32Array[]>;
  /** The same of the student with the weights or the averaged weights as they are now. */
  studentOutputs(items: readonly TrainingItem[], weights: 'parameters' | 'average'): Promise<readonly Float32Array[]>;
  /** A copy. */
  readAverage(): Promise<Float32Array>;
  /** A copy of the weights that are trained, as they are now. */
  readWeights(): Promise<Float32Array>;
  /** Starts anew from other weights: moments and the number of updates at nothing. */
  writeWeights(flat: Float32Array): void;
  readState(): Promise<TrainingState>;
  writeState(state: TrainingState): void;
  release(): Promise<void>;
}

/** Forward, and for each product of it one for its input and one for its weights. */
const PASSES = 3;
/** Nothing is fused, and gradients of convolutions are slow: so much longer than a preview's may the first call of such work take. */
const SLOWER = 4;

/** `onBusy`: see `HealOptions`. Throws as `buildTrainingStep` and what making sessions throws. */
export async function createTrainer(
  pipeline: Pipeline,
  edit: Edit,
  settings: HealSettings,
  stage: TrainedStage,
  onBusy: (busy: boolean) => void = () => undefined,
): Promise<Trainer> {
  onBusy(true);
  const graphs = trainingGraphs(pipeline, edit, settings, stage);
  const sessions: Session[] = [];
  const open = async (
    what: string,
    model: Model,
    options: Pick<SessionModel, 'stayOnDevice' | 'unplannedMemory' | 'macs'> = {},
  ): Promise<Session> => {
    const { externalData } = pipeline.denoiser;
    const named = `${pipeline.denoiser.file.path} (${what})`;
    onBusy(true);
    const modelBytes = writeModel(model);
    onBusy(false);
    await nextTask();
    const session = await pipeline.createSession({ what: named, modelBytes, externalData, ...options });
    sessions.push(session);
    return session;
  };
  const release = async () => {
    for (const session of sessions.splice(0)) await session.release();
  };
  try {
    const weights = await readParameters(graphs.student, graphs.layout, pipeline.denoiser.externalData);
    onBusy(false);
    const stateOutputs = HeldState.outputs;
    const ofOneItem = pipeline.denoiser.tree.totals.macs / pipeline.inputs.batch;
    const macs = () => SLOWER * ofOneItem * graphs.perCall;
    const teacher = await open('teacher', graphs.teacher, { stayOnDevice: graphs.teacherOutputs, macs });
    const gradients = await open('training', graphs.training, {
      stayOnDevice: [...stateOutputs, nextOf('gradient')],
      unplannedMemory: true,
      macs: () => PASSES * macs(),
    });
    const update = graphs.update && (await open('update', graphs.update, { stayOnDevice: stateOutputs }));
    const forward = await open('student', graphs.forward, { macs });
    return trainerOf(pipeline, graphs, { teacher, gradients, update, forward }, weights, release);
  } catch (thrown) {
    await release();
    throw thrown;
  }
}

interface Sessions {
  readonly teacher: Session;
  readonly gradients: Session;
  readonly update: Session | undefined;
  readonly forward: Session;
}

function trainerOf(
  pipeline: Pipeline,
  graphs: TrainingGraphs,
  sessions: Sessions,
  weights: Float32Array,
  release: () => Promise<void>,
): Trainer {
  const { layout, perCall } = graphs;
  const state = new HeldState(weights);
  const groups = (items: readonly TrainingItem[]): readonly (readonly TrainingItem[])[] =>
    Array.from({ length: Math.ceil(items.length / perCall) }, (_, index) =>
      items.slice(index * perCall, (index + 1) * perCall),
    );
  /** Teacher's values of a batch, as inputs of the training graph. */
  const targetsFor = async (items: readonly TrainingItem[]): Promise<Record<string, DeviceTensor>> => {
    const feeds = batchFeeds(pipeline, graphs.teacher, items);
    const { onDevice } = await sessions.teacher.runOnDevice(feeds, graphs.teacherOutputs);
    return Object.fromEntries([...graphs.targets].map(([value, input]) => [input, present(onDevice[value])]));
  };
  const outputsOf = async (session: Session, model: Model, items: readonly TrainingItem[], given: Feeds) => {
    const outputs: Float32Array[] = [];
    for (const group of groups(items)) {
      const feeds = { ...batchFeeds(pipeline, model, group), ...given };
      const values = floatValues(present((await session.run(feeds, [graphs.output]))[graphs.output]));
      const size = values.length / pipeline.inputs.clipsOf(group.length);
      outputs.push(...group.map((_, index) => values.slice(index * size, (index + 1) * size)));
    }
    return outputs;
  };
  const lossNames = ['loss:output', ...(graphs.hasIcd ? ['loss:icd'] : [])];
  const stateNames = HeldState.outputs;
  const directionFor = async (items: readonly TrainingItem[], target: DeviceTensor, judge: Judge | undefined) => {
    const teacher = await target.read();
    const student = judge
      ? await outputsOf(sessions.forward, graphs.forward, items, { [parametersInput]: state.held.parameters })
      : [];
    const none = new Float32Array(floatValues(teacher).length);
    const data = judge ? await judge(floatValues(teacher), concatenated(student)) : none;
    return { dataType: 'float32', dims: target.dims, data } as const;
  };

  const wholeStep = async (items: readonly TrainingItem[], learningRate: number, judge: Judge | undefined) => {
    const targets = await targetsFor(items);
    const feeds = {
      ...batchFeeds(pipeline, graphs.training, items),
      ...targets,
      ...(graphs.takesDirection ? { direction: await directionFor(items, present(targets['target']), judge) } : {}),
      ...state.held,
      learningRate: scalar(learningRate),
    };
    const { plain, onDevice } = await sessions.gradients.runOnDevice(feeds, [
      ...lossNames,
      'gradientNorm',
      ...stateNames,
    ]);
    Object.values(targets).forEach(dispose);
    state.replace(onDevice);
    return numbersOf(plain);
  };
  const gatheredStep = async (update: Session, items: readonly TrainingItem[], learningRate: number) => {
    let gradient: PlainTensor | DeviceTensor = vector(new Float32Array(layout.length));
    const losses: Record<string, number>[] = [];
    for (const group of groups(items)) {
      const targets = await targetsFor(group);
      const feeds: Feeds = {
        ...batchFeeds(pipeline, graphs.training, group),
        ...targets,
        parameters: state.held.parameters,
        gradient,
      };
      const { plain, onDevice } = await sessions.gradients.runOnDevice(feeds, [...lossNames, nextOf('gradient')]);
      [...Object.values(targets), gradient].forEach(dispose);
      gradient = present(onDevice[nextOf('gradient')]);
      losses.push(numbersOf(plain));
    }
    const feeds = {
      ...state.held,
      gradient,
      gradientScale: scalar(1 / losses.length),
      learningRate: scalar(learningRate),
    };
    const { plain, onDevice } = await update.runOnDevice(feeds, ['gradientNorm', ...stateNames]);
    dispose(gradient);
    state.replace(onDevice);
    const mean = (name: string) => losses.reduce((sum, one) => sum + present(one[name]), 0) / losses.length;
    return { ...numbersOf(plain), ...Object.fromEntries(lossNames.map((name) => [name, mean(name)])) };
  };

  return {
    layout,
    tensorsOf: graphs.tensorsOf,
    async step(items, learningRate, judge) {
      const numbers: Record<string, number> = sessions.update
        ? await gatheredStep(sessions.update, items, learningRate)
        : await wholeStep(items, learningRate, judge);
      const { 'loss:output': output, 'loss:icd': icd = null, gradientNorm } = numbers;
      return { output: present(output), icd, gradientNorm: present(gradientNorm) };
    },
    teacherOutputs: (items) => outputsOf(sessions.teacher, graphs.teacher, items, {}),
    studentOutputs: (items, weights) =>
      outputsOf(sessions.forward, graphs.forward, items, { [parametersInput]: state.held[weights] }),
    readAverage: () => state.readPart('average'),
    readWeights: () => state.readPart('parameters'),
    writeWeights: (flat) => state.restart(flat),
    readState: () => state.read(),
    writeState: (given) => state.write(given),
    async release() {
      state.dispose();
      await release();
    },
  };
}
