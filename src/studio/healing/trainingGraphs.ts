/**
 * The graphs of healing: the teacher with taps, the student's training step, and the student with weights as an input. It makes
 * no session and runs nothing.
 */
import { resolvePlan } from '../../blocks/plan';
import type { Model } from '../../onnx/model';
import { fixSizes } from '../../passes/differentiate/fixSizes';
import { toFloat32 } from '../../passes/differentiate/toFloat32';
import { weightsOf } from '../../passes/differentiate/weights';
import { allFusions } from '../../passes/fuse/fuse';
import { optimise } from '../../passes/optimise';
import { prune } from '../../passes/prune';
import { withValues } from '../../passes/surgeryGraph';
import { tap } from '../../passes/tap';
import type { Loss } from '../../passes/training/losses';
import { type ParameterLayout, parameterise } from '../../passes/training/parameters';
import { feedFromTeacher, type TeacherFed, teacherInput } from '../../passes/training/teacherFed';
import { buildGradientStep, buildTrainingStep, buildUpdate } from '../../passes/training/trainingStep';
import { boundSizes } from '../boundSizes';
import type { Pipeline } from '../Pipeline';
import type { Edit } from '../Variant';
import type { HealSettings, HealStage } from './healData';
import { type StageTap, stageTaps } from './stageTaps';

/** The student's graph with its weights as they are. Throws as `prune`. */
export function studentOf({ denoiser }: Pipeline, { plan, weights }: Edit): Model {
  return prune(denoiser.modelOf(weights), denoiser.tree, plan);
}

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
  const student = studentOf(pipeline, edit);
  const output = file.model.graph.outputs[0]!.name;
  const { perCall, bindings } = callSizes(pipeline, settings.batch);
  const taps = stage === 'local' || settings.icdWeight > 0 ? stageTaps(tree, edit.plan, whole, student) : [];
  const { model, values: fed } =
    stage === 'local' ? localStudent(whole, student, taps, tree.latentInput, bindings) : { model: student, values: [] };
  const trained = trainedWeights(pipeline, student, settings);
  const takesDirection = stage === 'end' && settings.mcaWeight > 0;
  const losses = [
    outputLoss(output),
    ...(takesDirection ? [criticLoss(output, settings)] : []),
    ...(taps.length > 0 ? [icdLoss(taps, settings, stage)] : []),
  ];
  const options = { bindings, losses, trainable: ({ name }: { name: string }) => trained.has(name) };
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

export const trusted = ({ runtime }: Pipeline) =>
  new Set([...allFusions].filter((operator) => !runtime.distrusted.has(operator)));

/** Whether every input has a row of its own for each clip, as many as one likes. */
function takesAnyBatch({ denoiser, inputs }: Pipeline): boolean {
  const { graph } = denoiser.file.model;
  const { free } = boundSizes(denoiser.file.model, inputs.bindings, inputs.batch);
  const given = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  return given.every(({ type }) => typeof type?.shape?.[0] === 'string' && free!.has(type.shape[0]));
}

/** Names of the student's weights that are trained. */
export function trainedWeights(
  { denoiser }: Pipeline,
  student: Model,
  { train = 'all' }: HealSettings,
): ReadonlySet<string> {
  const stored = denoiser.file.model.graph.initializers;
  const pattern = train === 'all' ? undefined : new RegExp(train);
  const names = weightsOf(student).map(({ name }) => name);
  return new Set(names.filter((name) => stored.has(name) && (pattern === undefined || pattern.test(name))));
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
    ([name, size]) => [name, free!.has(name) ? (size / inputs.batch) * perCall : size] as const,
  );
  return { perCall, bindings: new Map(bindings) };
}
