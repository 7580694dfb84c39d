/**
 * Block influence, 1 - cos between what goes into a unit and what comes out of it, averaged over positions (ShortGPT,
 * arXiv 2403.03853; SANA-1.5): one call tells it of all units. A proxy that costs nothing, and no measure of damage.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them

import { indexGraph } from '../blocks/graphIndex';
import { resolvePlan } from '../blocks/plan';
import type { PlainTensor } from '../runtime/Runtime';
import { floatValues } from '../runtime/tensors';
import type { Pipeline, RunGraphs } from './Pipeline';
import { groupCalls } from './stateGroups';
import { bytesOf, MOST_FEATURE_BYTES, openTeacherFeatures } from './teacherFeatures';
import type { TeacherRun } from './teacherRuns';
import type { Unit } from './units';

/** A stream through a unit. */
export interface Stream {
  readonly entry: string;
  readonly exit: string;
}

/** By unit; units whose values the graph does not have are left out. */
export function unitStreams(
  { denoiser: { tree } }: Pipeline,
  { whole }: RunGraphs,
  units: readonly Unit[],
): ReadonlyMap<string, readonly Stream[]> {
  const { ids } = indexGraph(whole.graph);
  const streams = new Map<string, readonly Stream[]>();
  for (const unit of units) {
    const { rewires } = resolvePlan(tree, unit.plan);
    const last = new Map<string, Stream>(); // of the exits that one entry replaces, the outermost runs last
    for (const { entry, exit } of rewires) {
      const known = last.get(entry);
      if (!known || (ids.get(exit) ?? -1) > (ids.get(known.exit) ?? -1)) last.set(entry, { entry, exit });
    }
    const own = [...last.values()];
    if (own.every(({ entry, exit }) => ids.has(entry) && ids.has(exit))) streams.set(unit.id, own);
  }
  return streams;
}

/** By unit, one number a stream (a two-stream block has two). `values`: of the teacher on a state, its inputs too. */
export function blockInfluence(
  streams: ReadonlyMap<string, readonly Stream[]>,
  values: Readonly<Record<string, PlainTensor>>,
): Readonly<Record<string, readonly number[]>> {
  const influences = [...streams].map(
    ([id, own]) => [id, own.map(({ entry, exit }) => 1 - meanCosine(values[entry]!, values[exit]!))] as const,
  );
  return Object.fromEntries(influences);
}

/** On the first state of a run; nothing where the values are too many to be copied. Throws what running throws. */
export async function measureInfluence(
  pipeline: Pipeline,
  units: readonly Unit[],
  run: TeacherRun,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const group = [{ run, state: run.states[0]! }];
  const graphs = pipeline.denoiser.graphsFor(groupCalls(pipeline, group)[0]!.feeds);
  if (!graphs) return {};
  const streams = unitStreams(pipeline, graphs, units);
  const ends = streamEnds(graphs, streams);
  const teacher = ends.length === 0 ? null : await openTeacherFeatures(pipeline, graphs, { kept: [], asked: ends }, 1);
  if (!teacher) return {};
  try {
    const [call] = (await teacher.of(group, ends)).calls;
    return blockInfluence(streams, { ...call!.feeds, ...call!.values });
  } finally {
    await teacher.release();
  }
}

/** Values to be asked for; none where they are too many. */
export function streamEnds(graphs: RunGraphs, streams: ReadonlyMap<string, readonly Stream[]>): readonly string[] {
  const inputs = new Set(graphs.whole.graph.inputs.map(({ name }) => name));
  const ends = [...new Set([...streams.values()].flat().flatMap(({ entry, exit }) => [entry, exit]))];
  return bytesOf(graphs, ends) <= MOST_FEATURE_BYTES ? ends.filter((name) => !inputs.has(name)) : [];
}

/** Over positions of the cosine between channels: the second axis of images and clips, the last of tokens. */
export function meanCosine(a: PlainTensor, b: PlainTensor): number {
  const { dims } = a;
  const axis = dims.length > 3 ? 1 : dims.length - 1;
  const channels = dims[axis]!;
  const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const [x, y] = [floatValues(a), floatValues(b)];
  const outer = x.length / (channels * inner);
  let sum = 0;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let [product, squaresX, squaresY] = [0, 0, 0];
      for (let c = 0, at = o * channels * inner + i; c < channels; c++, at += inner) {
        product += x[at]! * y[at]!;
        squaresX += x[at]! ** 2;
        squaresY += y[at]! ** 2;
      }
      sum += product / Math.max(Number.MIN_VALUE, Math.sqrt(squaresX * squaresY));
    }
  }
  return sum / (outer * inner);
}
