/**
 * The rest of the denoiser behind a place, for measuring units that lie there: a session of its own with gates, fed with
 * the teacher's own features.
 */

import type { Plan } from '../blocks/plan';
import { firstOutput } from '../onnx/graph';
import { writeModel } from '../onnx/writeModel';
import { gateFeeds } from '../passes/gate';
import { type Suffix, suffix } from '../passes/suffix';
import { branchGuidance, guide } from '../pipeline/guidance';
import type { Feeds, PlainTensor } from '../runtime/Runtime';
import { boolScalar, floatValues } from '../runtime/tensors';
import { branchOutputs } from './denoise';
import type { Pipeline, RunGraphs } from './Pipeline';
import { bytesOf, MOST_FEATURE_BYTES, type StateFeatures } from './teacherFeatures';
import type { TeacherRun } from './teacherRuns';
import type { Unit } from './units';

export interface PartialDenoiser {
  /** The guided output under a plan of the units that it was cut for. */
  outputOn(plan: Plan, run: TeacherRun, features: StateFeatures): Promise<Float32Array>;
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
  const { description, denoiser } = pipeline;
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
    async outputOn(plan, run, { calls }) {
      const keeps = [...gateFeeds(gates, denoiser.tree, plan)].map(([name, keep]) => [name, boolScalar(keep)] as const);
      const own = Object.fromEntries(keeps);
      const outputs: Float32Array[] = [];
      for (const { feeds, values, branches } of calls) {
        const result = await session.run(only({ ...feeds, ...values, ...own }), [output]);
        outputs.push(...branchOutputs(pipeline, floatValues(result[output]!), branches));
      }
      return guide(outputs, branchGuidance(description, run.settings.guidance));
    },
    release: () => session.release(),
  };
}
