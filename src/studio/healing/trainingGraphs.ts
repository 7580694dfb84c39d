/**
 * The graphs of healing: the teacher with taps, the student's training step, and the student with weights as an input. It makes
 * no session and runs nothing.
 */

import { resolvePlan } from '../../blocks/plan';
import { present } from '../../errors/present';
import { dataInputs } from '../../onnx/graph';
import type { Model, Tensor } from '../../onnx/model';
import { fixSizes } from '../../passes/differentiate/fixSizes';
import { toFloat32 } from '../../passes/differentiate/toFloat32';
import { fusionsOn } from '../../passes/fuse/fuse';
import { optimise } from '../../passes/optimise';
import { prune } from '../../passes/prune';
import { withValues } from '../../passes/surgeryGraph';
import { tap } from '../../passes/tap';
import type { Loss } from '../../passes/training/losses';
import { attentionProjections, isLowRankFactor, mergeLowRank, withLowRank } from '../../passes/training/lowRank';
import { type ParameterLayout, parameterise, parameterTensors } from '../../passes/training/parameters';
import { feedFromTeacher, type TeacherFed, teacherInput } from '../../passes/training/teacherFed';
import { buildGradientStep, buildTrainingStep, buildUpdate } from '../../passes/training/trainingStep';
import { seededNoise } from '../../pipeline/seededNoise';
import { boundSizes } from '../boundSizes';
import type { Pipeline } from '../Pipeline';
import type { Edit } from '../Variant';
import type { HealSettings, HealStage } from './healData';
import { type StageTap, stageTaps } from './stageTaps';
import { trainedWeights } from './trainedWeights';

/** The student's graph with its weights as they are. Throws as `prune`. */
export function studentOf({ denoiser }: Pipeline, { plan, weights }: Edit): Model {
  return prune(denoiser.modelOf(weights), denoiser.tree, plan);
}

/** Of low-rank changes. */
const RANK = 8;
const LOW_RANK_STREAM = 0x6c6f7261;
const normals = (index: number, length: number): Float32Array => seededNoise(index + 1, length, LOW_RANK_STREAM);

export type TrainedStage = Exclude<HealStage, 'repair'>;

export interface TrainingGraphs {
  readonly student: Model;
  /** With the output first, then the taps' values. */
  readonly teacher: Model;
  readonly teacherOutputs: readonly string[];
  readonly training: Model;
  /** Where one call cannot take a whole batch: `training` gathers gradients and this uses them. */
  readonly update: Model | undefined;
  readonly forward: Model;
  readonly layout: ParameterLayout;
  /** Trained weights as tensors of the student, by initializer. */
  tensorsOf(flat: Float32Array): Promise<ReadonlyMap<string, Tensor>>;
  readonly output: string;
  /** Teacher's value -> input of the training graph. */
  readonly targets: ReadonlyMap<string, string>;
  readonly hasIcd: boolean;
  /** Whether `training` adds the gradient of a critic: an input `direction` of the output's shape. */
  readonly takesDirection: boolean;
  /** Items of one call. */
  readonly perCall: number;
}

/** `stage`: which of the training graphs. Throws as `prune` and `buildTrainingStep`. */
export function trainingGraphs(
  pipeline: Pipeline,
  edit: Edit,
  settings: HealSettings,
  stage: TrainedStage,
): TrainingGraphs {
  const { denoiser, inputs } = pipeline;
  const { tree, file } = denoiser;
  const sizes = boundSizes(file.model, inputs.bindings, inputs.batch);
  const whole = wholeOf(pipeline, edit);
  const pruned = studentOf(pipeline, edit);
  const matrices = settings.train === 'low-rank' ? attentionProjections(pruned) : undefined;
  const student = matrices ? withLowRank(pruned, matrices, RANK, normals) : pruned;
  const output = present(file.model.graph.outputs[0]).name;
  const { perCall, bindings } = callSizes(pipeline, settings.batch);
  const taps = stage === 'local' || settings.icdWeight > 0 ? stageTaps(tree, edit.plan, whole, student) : [];
  const { model, values: fed } =
    stage === 'local' ? localStudent(whole, student, taps, tree.latentInput, bindings) : { model: student, values: [] };
  const trained = trainedWeights(pipeline, edit, pruned, settings);
  const takesDirection = stage === 'end' && settings.mcaWeight > 0;
  const losses = [
    outputLoss(output),
    ...(takesDirection ? [criticLoss(output, settings)] : []),
    ...(taps.length > 0 ? [icdLoss(taps, settings, stage)] : []),
  ];
  const options = {
    bindings,
    losses,
    trainable: ({ name }: { name: string }) => (matrices ? isLowRankFactor(name) : trained.has(name)),
  };
  const inOneCall = perCall === settings.batch;
  const built = inOneCall ? buildTrainingStep(model, options) : buildGradientStep(model, options);
  const values = [...new Set([...taps.map((one) => one.teacher), ...fed])];
  return {
    student,
    teacher: optimise(toFloat32(tap(whole, values)), sizes, values, trusted(pipeline)),
    teacherOutputs: [output, ...values],
    training: built.model,
    update: inOneCall ? undefined : buildUpdate(built.layout.length).model,
    forward: parameterise(student, built.layout),
    layout: built.layout,
    tensorsOf: async (flat) =>
      matrices
        ? mergeLowRank(pruned, matrices, built.layout, flat, denoiser.externalData)
        : parameterTensors(built.layout, flat),
    output,
    targets: new Map([[output, 'target'], ...values.map((value) => [value, teacherInput(value)] as const)]),
    hasIcd: taps.length > 0,
    takesDirection,
    perCall,
  };
}

const outputLoss = (value: string): Loss => ({ kind: 'output', name: 'output', weight: 1, value });

const criticLoss = (value: string, { mcaWeight }: HealSettings): Loss => ({
  kind: 'direction',
  name: 'mca',
  weight: mcaWeight,
  value,
  direction: 'direction',
});

/** Regions that learn apart weigh alike, each by its own scale. */
function icdLoss(taps: readonly StageTap[], { icdWeight, icdNormalised }: HealSettings, stage: TrainedStage): Loss {
  const compared = taps.map((one) => ({ value: one.student, teacher: teacherInput(one.teacher) }));
  const local = stage === 'local';
  return {
    kind: 'icd',
    name: 'icd',
    weight: local ? taps.length : icdWeight,
    taps: compared,
    normalised: local || icdNormalised,
  };
}

function localStudent(
  whole: Model,
  student: Model,
  taps: readonly StageTap[],
  latentInput: string,
  bindings: ReadonlyMap<string, number>,
): TeacherFed {
  const { types } = fixSizes(toFloat32(whole), { bindings });
  const exits = taps.map((one) => one.student);
  return feedFromTeacher(whole, student, exits, latentInput, types);
}

export const trusted = ({ runtime }: Pipeline) => fusionsOn(runtime.backend, runtime.distrusted);

/** Whether every input has a row of its own for each clip, as many as one likes. */
function takesAnyBatch({ denoiser, inputs }: Pipeline): boolean {
  const { graph } = denoiser.file.model;
  const { free } = boundSizes(denoiser.file.model, inputs.bindings, inputs.batch);
  const given = dataInputs(graph);
  return given.every(({ type }) => typeof type?.shape?.[0] === 'string' && present(free).has(type.shape[0]));
}

/** The teacher's graph, with the values that the cut refers to. */
export function wholeOf({ denoiser }: Pipeline, { plan }: Edit): Model {
  return withValues(denoiser.modelOf('original'), resolvePlan(denoiser.tree, plan).rewires);
}

/** Items that one call takes of a batch, and the sizes of such a call. */
export function callSizes(
  pipeline: Pipeline,
  batch: number,
): { readonly perCall: number; readonly bindings: ReadonlyMap<string, number> } {
  const { denoiser, inputs } = pipeline;
  const { free } = boundSizes(denoiser.file.model, inputs.bindings, inputs.batch);
  const perCall = takesAnyBatch(pipeline) ? batch : 1;
  const bindings = [...inputs.bindings].map(
    ([name, size]) => [name, present(free).has(name) ? (size / inputs.batch) * perCall : size] as const,
  );
  return { perCall, bindings: new Map(bindings) };
}
