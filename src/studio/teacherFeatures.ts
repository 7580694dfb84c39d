/**
 * Inner values of the teacher on the states of its runs: one session of the whole denoiser that gives any of a fixed set of
 * them. What fits is computed once and kept.
 */
import { present } from '../errors/present';
import { firstOutput } from '../onnx/graph';
import { writeModel } from '../onnx/writeModel';
import { tap } from '../passes/tap';
import type { Feeds, PlainTensor } from '../runtime/Runtime';
import { floatValues } from '../runtime/tensors';
import { componentBytes } from './openComponent';
import type { Pipeline, RunGraphs } from './Pipeline';
import { groupCalls, guidedOutputs, type StateGroup } from './stateGroups';

/** What the teacher gave for a group of states: feeds and values of each call, and its guided output on each state. */
export interface GroupFeatures {
  readonly calls: readonly {
    readonly feeds: Readonly<Record<string, PlainTensor>>;
    readonly values: Readonly<Record<string, PlainTensor>>;
    readonly clips: number;
  }[];
  readonly outputs: readonly Float32Array[];
}

export interface TeacherFeatures {
  /** One run of the teacher's denoiser unless it was kept. */
  of(group: StateGroup, values: readonly string[]): Promise<GroupFeatures>;
  /** Whether all values of all states are kept. */
  readonly keepsAll: boolean;
  release(): Promise<void>;
}

/** Values of all states that are kept at a time, or that one call gives, may take so much. */
export const MOST_FEATURE_BYTES = 384 * 2 ** 20;

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
  const { denoiser, runtime } = pipeline;
  const { file } = denoiser;
  if (2 * componentBytes(file) > runtime.capacityBytes) return null;
  const keepsAll = states * bytesOf(graphs, values) <= MOST_FEATURE_BYTES;
  const always = new Set(values);
  const kept = new Map<StateGroup, GroupFeatures>();
  const output = firstOutput(file.model.graph).name;
  const session = await pipeline.createSession({
    what: file.path,
    modelBytes: writeModel(tap(graphs.whole, [...values, ...asked])),
    externalData: file.weights,
  });
  return {
    keepsAll,
    async of(group, wanted) {
      const isKept = keepsAll && wanted.every((name) => always.has(name));
      const known = kept.get(group);
      if (known && isKept) return known;
      const calls: GroupFeatures['calls'][number][] = [];
      for (const { feeds, clips } of groupCalls(pipeline, group)) {
        const given = await session.run(feeds as Feeds, [...(isKept ? values : wanted), output]);
        calls.push({ feeds, values: given, clips });
      }
      const given = calls.map(({ values: all, clips }) => ({ clips, output: floatValues(present(all[output])) }));
      const features = { calls, outputs: guidedOutputs(pipeline, group, given) };
      if (isKept) kept.set(group, features);
      return features;
    },
    release: () => session.release(),
  };
}
