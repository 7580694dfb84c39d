/**
 * States of the teacher that the denoiser is run on together: a call of four clips takes less than four calls, and which
 * clips a call holds changes nothing of what comes out. Whether that is true of a graph is tried, not believed.
 */
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import { firstOutput } from '../onnx/graph';
import { branchesFor, branchGuidance, guide } from '../pipeline/guidance';
import { countNotFinite } from '../runtime/notFinite';
import type { Feeds, PlainTensor } from '../runtime/Runtime';
import { floatValues, stacked } from '../runtime/tensors';
import { boundSizes } from './boundSizes';
import { branchOutputs } from './denoise';
import type { Pipeline } from './Pipeline';
import { latentError, outputOn, type TeacherRun, type TeacherState } from './teacherRuns';
import { editOf, type Variant } from './Variant';

export interface ProbedState {
  readonly run: TeacherRun;
  readonly state: TeacherState;
}

/** At least one; several have one call's feeds in common but for the axis of clips. */
export type StateGroup = readonly ProbedState[];

export interface StateCall {
  readonly feeds: Readonly<Record<string, PlainTensor>>;
  /** Clips in it: the branches of each state. */
  readonly clips: number;
}

/** Clips of a call, and the MACs that it may take: what a person waits for is not held up by more, nor does memory grow. */
const MOST_CLIPS = 4;
const MOST_CALL_MACS = 2e10;
/** Squared error that the order of sums may leave, next to the output's own square. */
const ROUNDING = 1e-8;

/** States to run together, and the teacher's guided output on each. */
export interface GroupedStates {
  readonly group: StateGroup;
  readonly references: readonly Float32Array[];
}

/**
 * `teacherOn`: the teacher's guided outputs on a group, by the session that students are compared with. Each state is alone
 * where several in one call do not give what each gave. Throws what `teacherOn` throws.
 */
export async function groupStates(
  pipeline: Pipeline,
  states: readonly ProbedState[],
  teacherOn: (group: StateGroup) => Promise<readonly Float32Array[]>,
): Promise<readonly GroupedStates[]> {
  const alone = states.map((one) => ({ group: [one], references: [one.state.output] }));
  const size = Math.min(groupSize(pipeline, states), states.length);
  if (size < 2) return alone;
  const groups = Array.from({ length: Math.ceil(states.length / size) }, (_, index) =>
    states.slice(index * size, (index + 1) * size),
  );
  if (!groups.every((group) => joinedFeeds(pipeline, group))) return alone;
  const grouped: GroupedStates[] = [];
  for (const group of groups) {
    const references = await teacherOn(group);
    if (!group.every(({ state }, index) => isSame(pipeline, state.output, present(references[index])))) return alone;
    grouped.push({ group, references });
  }
  return grouped;
}

function isSame(pipeline: Pipeline, expected: Float32Array, output: Float32Array): boolean {
  const { total } = latentError(pipeline, expected, output);
  return total <= ROUNDING * latentError(pipeline, new Float32Array(expected.length), expected).total;
}

/** The calls of a group: all branches at once where the graph takes such a batch. */
export function groupCalls(pipeline: Pipeline, group: StateGroup): readonly StateCall[] {
  if (group.length === 1) return stateCalls(pipeline, present(group[0]));
  const feeds = joinedFeeds(pipeline, group);
  if (!feeds) throw new StudioError('internal', 'These states of the teacher cannot be run in one call.');
  return [{ feeds, clips: group.length * branchesOf(pipeline, present(group[0])).length }];
}

/** The guided output of each state, from the denoiser's outputs of its calls in order. */
export function guidedOutputs(
  pipeline: Pipeline,
  group: StateGroup,
  calls: readonly { readonly clips: number; readonly output: Float32Array }[],
): readonly Float32Array[] {
  const clips = calls.flatMap(({ clips: count, output }) => branchOutputs(pipeline, output, count));
  const branches = clips.length / group.length;
  return group.map(({ run }, index) =>
    guide(
      clips.slice(index * branches, (index + 1) * branches),
      branchGuidance(pipeline.description, run.settings.guidance),
    ),
  );
}

/** The guided output of a variant on each state. Throws `engine/not-finite` and what running throws. */
export async function groupOutputs(
  pipeline: Pipeline,
  variant: Variant,
  group: StateGroup,
): Promise<readonly Float32Array[]> {
  if (group.length > 1) {
    const { denoiser } = pipeline;
    const name = firstOutput(denoiser.file.model.graph).name;
    const [{ feeds, clips }] = groupCalls(pipeline, group) as [StateCall];
    const output = floatValues(
      present((await denoiser.run(editOf(variant, 'denoiser'), feeds as Feeds, [name]))[name]),
    );
    if (countNotFinite(output) === 0) return guidedOutputs(pipeline, group, [{ clips, output }]);
  }
  // alone, a state that is not finite is named with its block
  const outputs: Float32Array[] = [];
  for (const { run, state } of group) outputs.push(await outputOn(pipeline, variant, run, state));
  return outputs;
}

const branchesOf = ({ description }: Pipeline, { run }: ProbedState) =>
  branchesFor(branchGuidance(description, run.settings.guidance));

function stateCalls(pipeline: Pipeline, probed: ProbedState): readonly StateCall[] {
  const { settings, conditions } = probed.run;
  const { latent, timestep } = probed.state;
  const branches = branchesOf(pipeline, probed);
  const perCall = pipeline.inputs.batch >= branches.length ? branches.length : 1;
  return Array.from({ length: branches.length / perCall }, (_, index) => {
    const own = branches.slice(index * perCall, (index + 1) * perCall);
    const call = { latent, timestep, branches: own, guidance: settings.guidance, ...conditions };
    return { feeds: pipeline.inputs.feeds(call), clips: own.length };
  });
}

/** 1 where the graph has no axis of clips that is free. */
function groupSize(pipeline: Pipeline, states: readonly ProbedState[]): number {
  const { denoiser, inputs } = pipeline;
  if (states.length === 0 || inputs.clipsOf(1) !== 1) return 1;
  const { guidance } = present(states[0]).run.settings;
  if (states.some(({ run }) => run.settings.guidance !== guidance)) return 1;
  const clips = branchesOf(pipeline, present(states[0])).length;
  const callMacs = (denoiser.tree.totals.macs / inputs.batch) * clips;
  return Math.floor(Math.min(MOST_CLIPS / clips, MOST_CALL_MACS / Math.max(1, callMacs)));
}

/** One call's feeds; null where an input that has no axis of clips differs, or is not of one size. */
function joinedFeeds(pipeline: Pipeline, group: StateGroup): Record<string, PlainTensor> | null {
  const { denoiser, inputs } = pipeline;
  const { model } = denoiser.file;
  const { free = new Set() } = boundSizes(model, inputs.bindings, inputs.batch);
  const all = group.map((probed) => stateCalls(pipeline, probed));
  if (all.some((calls) => calls.length !== 1)) return null;
  const joined: Record<string, PlainTensor> = {};
  for (const { name, type } of model.graph.inputs) {
    const tensors = all.flatMap(([call]) => present(call).feeds[name] ?? []);
    if (tensors.length === 0) continue;
    const first = present(tensors[0]);
    const axis = type?.shape?.[0];
    if (typeof axis === 'string' && free.has(axis)) {
      if (tensors.some(({ dims }) => dims.slice(1).join() !== first.dims.slice(1).join())) return null;
      joined[name] = stacked(tensors);
    } else if (tensors.every((tensor) => isEqual(tensor, first))) joined[name] = first;
    else return null;
  }
  return joined;
}

const isEqual = (a: PlainTensor, b: PlainTensor): boolean =>
  a.data.length === b.data.length && a.data.every((value: number | bigint, index: number) => value === b.data[index]);
