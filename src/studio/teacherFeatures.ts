/**
 * Inner values of the teacher on the states of its runs: one session of the whole denoiser that gives any of a fixed set of
 * them. What fits is computed once and kept.
 */
import { firstOutput } from '../onnx/graph';
import { writeModel } from '../onnx/writeModel';
import { tap } from '../passes/tap';
import { branchesFor, branchGuidance, guide } from '../pipeline/guidance';
import type { Feeds, PlainTensor } from '../runtime/Runtime';
import { floatValues } from '../runtime/tensors';
import { branchOutputs } from './denoise';
import { componentBytes } from './openComponent';
import type { Pipeline, RunGraphs } from './Pipeline';
import type { TeacherRun, TeacherState } from './teacherRuns';

/** What the teacher gave for a state: feeds and values of each call, and its guided output. */
export interface StateFeatures {
  readonly calls: readonly {
    readonly feeds: Readonly<Record<string, PlainTensor>>;
    readonly values: Readonly<Record<string, PlainTensor>>;
    readonly branches: number;
  }[];
  readonly output: Float32Array;
}

export interface TeacherFeatures {
  /** One run of the teacher's denoiser unless it was kept. */
  of(run: TeacherRun, state: TeacherState, values: readonly string[]): Promise<StateFeatures>;
  /** Whether all values of all states are kept. */
  readonly keepsAll: boolean;
  release(): Promise<void>;
}

/** Values of all states that are kept at a time, or that one call gives, may take so much. */
export const MOST_FEATURE_BYTES = 384 * 2 ** 20;

/** The calls of one state: all branches at once where the graph takes such a batch. */
export function stateCalls(
  pipeline: Pipeline,
  { settings, conditions }: TeacherRun,
  { latent, timestep }: TeacherState,
): readonly { readonly feeds: Record<string, PlainTensor>; readonly branches: number }[] {
  const branches = branchesFor(branchGuidance(pipeline.description, settings.guidance));
  const perCall = pipeline.inputs.batch >= branches.length ? branches.length : 1;
  return Array.from({ length: branches.length / perCall }, (_, index) => {
    const own = branches.slice(index * perCall, (index + 1) * perCall);
    const call = { latent, timestep, branches: own, guidance: settings.guidance, ...conditions };
    return { feeds: pipeline.inputs.feeds(call), branches: own.length };
  });
}

/** Bytes of values at the bound sizes; NaN where one is not known. */
export function bytesOf({ types }: RunGraphs, values: readonly string[]): number {
  const size = (name: string) => (types.get(name)?.shape ?? [NaN]).reduce<number>((sum, dim) => sum * Number(dim), 4);
  return values.reduce((sum, name) => sum + size(name), 0);
}

/**
 * `kept`: values that are computed for every state; `asked`: those that are only when asked for. Null where a second session of the denoiser would
 * not fit. Throws what making sessions throws.
 */
export async function openTeacherFeatures(
  pipeline: Pipeline,
  graphs: RunGraphs,
  { kept: values, asked }: { readonly kept: readonly string[]; readonly asked: readonly string[] },
  states: number,
): Promise<TeacherFeatures | null> {
  const { description, denoiser, runtime } = pipeline;
  const { file } = denoiser;
  if (2 * componentBytes(file) > runtime.capacityBytes) return null;
  const keepsAll = states * bytesOf(graphs, values) <= MOST_FEATURE_BYTES;
  const always = new Set(values);
  const kept = new Map<TeacherState, StateFeatures>();
  const output = firstOutput(file.model.graph).name;
  const session = await pipeline.createSession({
    what: file.path,
    modelBytes: writeModel(tap(graphs.whole, [...values, ...asked])),
    externalData: file.weights,
  });
  return {
    keepsAll,
    async of(run, state, wanted) {
      const isKept = keepsAll && wanted.every((name) => always.has(name));
      const known = kept.get(state);
      if (known && isKept) return known;
      const calls: StateFeatures['calls'][number][] = [];
      const outputs: Float32Array[] = [];
      for (const { feeds, branches } of stateCalls(pipeline, run, state)) {
        const given = await session.run(feeds as Feeds, [...(isKept ? values : wanted), output]);
        outputs.push(...branchOutputs(pipeline, floatValues(given[output]!), branches));
        calls.push({ feeds, values: given, branches });
      }
      const features = { calls, output: guide(outputs, branchGuidance(description, run.settings.guidance)) };
      if (isKept) kept.set(state, features);
      return features;
    },
    release: () => session.release(),
  };
}
