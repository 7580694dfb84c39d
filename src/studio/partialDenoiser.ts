/**
 * The rest of the denoiser behind a place, for measuring units that lie there: a session of its own with gates, fed with
 * the teacher's own features.
 */

import type { Plan } from '../blocks/plan';
import { present } from '../errors/present';
import { firstOutput } from '../onnx/graph';
import { writeModel } from '../onnx/writeModel';
import { gateFeeds } from '../passes/gate';
import { type Suffix, suffix } from '../passes/suffix';
import { countNotFinite } from '../runtime/notFinite';
import type { Feeds, PlainTensor } from '../runtime/Runtime';
import { boolScalar, floatValues } from '../runtime/tensors';
import type { Pipeline, RunGraphs } from './Pipeline';
import { groupOutputs, guidedOutputs, type StateGroup } from './stateGroups';
import { bytesOf, type GroupFeatures, MOST_FEATURE_BYTES } from './teacherFeatures';
import type { Unit } from './units';
import { variantOf } from './Variant';

export interface PartialDenoiser {
  /** The guided output on each state under a plan of the units that it was cut for. Throws `engine/not-finite`. */
  outputsOn(plan: Plan, group: StateGroup, features: GroupFeatures): Promise<readonly Float32Array[]>;
  release(): Promise<void>;
}

/** What has to run again when any of the units is off. Null where it cannot be cut there, or its features are too many. */
export function partFor(pipeline: Pipeline, graphs: RunGraphs, units: readonly Unit[]): Suffix | null {
  const { gated, types } = graphs;
  const changed = new Set<string>();
  for (const { plan } of units)
    for (const [input, keep] of gateFeeds(gated.gates, pipeline.denoiser.tree, plan)) if (!keep) changed.add(input);
  const part = suffix(gated.model, [...changed], types);
  return part && bytesOf(graphs, part.features) <= MOST_FEATURE_BYTES ? part : null;
}

/** Throws what making sessions throws. */
export async function openPartialDenoiser(
  pipeline: Pipeline,
  { gated: { gates } }: RunGraphs,
  { model }: Suffix,
): Promise<PartialDenoiser> {
  const { denoiser } = pipeline;
  const { file } = denoiser;
  const output = firstOutput(file.model.graph).name;
  const inputs = new Set(model.graph.inputs.map(({ name }) => name));
  const only = (feeds: Readonly<Record<string, PlainTensor>>): Feeds =>
    Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.has(name)));
  const session = await pipeline.createSession({
    what: file.path,
    modelBytes: writeModel(model),
    externalData: file.weights,
  });
  return {
    async outputsOn(plan, group, { calls }) {
      const keeps = [...gateFeeds(gates, denoiser.tree, plan)].map(([name, keep]) => [name, boolScalar(keep)] as const);
      const own = Object.fromEntries(keeps);
      const given: { readonly clips: number; readonly output: Float32Array }[] = [];
      for (const { feeds, values, clips } of calls) {
        const result = await session.run(only({ ...feeds, ...values, ...own }), [output]);
        given.push({ clips, output: floatValues(present(result[output])) });
      }
      // the whole, run again, says which block it was
      if (given.some((call) => countNotFinite(call.output) > 0)) return groupOutputs(pipeline, variantOf(plan), group);
      return guidedOutputs(pipeline, group, given);
    },
    release: () => session.release(),
  };
}
