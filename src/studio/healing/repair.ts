/**
 * Closed-form repair: layer after layer, in the order in which they run, the linear layer that writes what a cut changed is
 * fitted so that the value comes as near as it can to the teacher's, given what the layers before it now do. No gradients
 * through the model, and nothing random. Where: at the cuts, at the ends of stages, and at the output.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them

import { resolvePlan } from '../../blocks/plan';
import { producers, removeDeadCode } from '../../onnx/graph';
import type { Model } from '../../onnx/model';
import { writeModel } from '../../onnx/writeModel';
import { toFloat32 } from '../../passes/differentiate/toFloat32';
import { optimise } from '../../passes/optimise';
import { buildLayerFit, type LayerFit, solveRidge } from '../../passes/training/layerFit';
import { type LinearLayer, linearLayerBefore } from '../../passes/training/linearLayer';
import { type ParameterLayout, writeParameters } from '../../passes/training/parameters';
import { nextTask } from '../../runtime/nextTask';
import type { PlainTensor, Session } from '../../runtime/Runtime';
import { floatValues } from '../../runtime/tensors';
import { boundSizes } from '../boundSizes';
import type { Pipeline } from '../Pipeline';
import type { Edit } from '../Variant';
import type { HealSettings } from './healData';
import { stageTaps } from './stageTaps';
import { callSizes, studentOf, trusted, wholeOf } from './trainingGraphs';
import { batchFeeds, type TrainingItem } from './trainingStates';

export interface RepairOptions {
  readonly signal?: AbortSignal;
  readonly onLayer?: (done: number, of: number, fitted: FittedLayer) => void;
  readonly onBusy?: (busy: boolean) => void;
  readonly turn?: () => Promise<void>;
}

export interface FittedLayer {
  readonly weight: string;
  /** Of the value behind it, over the teacher's mean square: before and after the fit, on states set aside. */
  readonly before: number;
  readonly after: number;
}

/** Tried for each layer, relative to the mean of the diagonal. */
const RIDGES = [1e-4, 1e-3, 1e-2, 1e-1, 1];
/** One group in so many is set aside, to choose among them. */
const ASIDE = 4;

/** Of the teacher's values that are kept while layers are fitted. */
const MOST_BYTES = 2 ** 28;

/** A value to bring near the teacher's, and the layer that can. */
interface Site {
  readonly student: string;
  readonly teacher: string;
  readonly layer: LinearLayer;
}

/**
 * The flat weights after it; `layout` says which may change. Throws as `buildLayerFit`, what making sessions throws, and
 * the signal's reason.
 */
export async function repair(
  pipeline: Pipeline,
  edit: Edit,
  settings: HealSettings,
  weights: { readonly layout: ParameterLayout; readonly flat: Float32Array },
  items: readonly TrainingItem[],
  options: RepairOptions = {},
): Promise<Float32Array> {
  const { layout } = weights;
  const flat = weights.flat.slice();
  const offsets = new Map(layout.parameters.map(({ name, offset }) => [name, offset]));
  const add = (name: string, change: Float32Array): void => {
    const offset = offsets.get(name)!;
    change.forEach((value, i) => (flat[offset + i]! += value));
  };
  const student = studentOf(pipeline, edit);
  const sites = repairSites(pipeline, edit, student, (name) => offsets.has(name));
  const { perCall, bindings } = callSizes(pipeline, settings.batch);
  const targets = await teacherValues(pipeline, edit, sites, groupsOf(items, perCall), options);
  for (const [index, site] of sites.entries()) {
    options.onBusy?.(true);
    const fit = buildLayerFit(writeParameters(student, layout, flat), site.student, site.layer, { bindings });
    options.onBusy?.(false);
    await nextTask();
    const { fitted, aside } = await summed(pipeline, site, fit, targets, options);
    options.onBusy?.(true);
    const { change, gain } = bestChange(fitted, aside, fit.rows);
    options.onBusy?.(false);
    if (change) {
      const { weight, bias } = fit.spread(change);
      add(site.layer.weight, weight);
      if (bias) add(site.layer.bias!, bias);
    }
    options.onLayer?.(index + 1, sites.length, {
      weight: site.layer.weight,
      before: aside.error / aside.teacherSquares,
      after: (aside.error - gain) / aside.teacherSquares,
    });
  }
  return flat;
}

/** In the order in which the layers run; each layer once, for the last value that it is to bring near the teacher's. */
export function repairSites(
  pipeline: Pipeline,
  edit: Edit,
  student: Model,
  usable: (name: string) => boolean,
): readonly Site[] {
  const { tree } = pipeline.denoiser;
  const whole = wholeOf(pipeline, edit);
  const output = whole.graph.outputs[0]!.name;
  const order = positions(whole);
  const pairs = [
    ...resolvePlan(tree, edit.plan).rewires.map(({ exit, entry }) => ({ teacher: exit, student: entry })),
    ...stageTaps(tree, edit.plan, whole, student),
    { teacher: output, student: output },
  ];
  const made = producers(student.graph);
  const byLayer = new Map<string, Site>();
  for (const pair of pairs.toSorted((a, b) => order.get(a.teacher)! - order.get(b.teacher)!)) {
    const layer = made.has(pair.student) ? linearLayerBefore(student, pair.student, usable) : undefined;
    if (layer) byLayer.set(layer.weight, { ...pair, layer });
  }
  const place = positions(student);
  return [...byLayer.values()].sort(
    (a, b) => place.get(a.layer.node.outputs[0]!)! - place.get(b.layer.node.outputs[0]!)!,
  );
}

/** Value -> where in the graph it is made. */
const positions = ({ graph }: Model): ReadonlyMap<string, number> =>
  new Map(graph.nodes.flatMap(({ outputs }, index) => outputs.map((name) => [name, index] as const)));

interface Sums {
  readonly gram: Float64Array;
  readonly missing: Float64Array;
  error: number;
  teacherSquares: number;
}

/** A group of items, and what the teacher has at every site. */
interface Targets {
  readonly items: readonly TrainingItem[];
  readonly values: Readonly<Record<string, PlainTensor>>;
}

/** Of as many groups as fit into `MOST_BYTES`, the first always. */
async function teacherValues(
  pipeline: Pipeline,
  edit: Edit,
  sites: readonly Site[],
  groups: readonly (readonly TrainingItem[])[],
  options: RepairOptions,
): Promise<readonly Targets[]> {
  const wanted = sites.map(({ teacher }) => teacher);
  const model = teacherWith(pipeline, edit, wanted);
  const targets: Targets[] = [];
  let bytes = 0;
  await withSession(pipeline, 'teacher', model, async (session) => {
    for (const items of groups) {
      const group = bytes / Math.max(1, targets.length);
      if (targets.length > 0 && bytes + group > MOST_BYTES) break;
      options.signal?.throwIfAborted();
      await options.turn?.();
      const values = await session.run(batchFeeds(pipeline, model, items), wanted);
      bytes += Object.values(values).reduce((sum, { data }) => sum + data.byteLength, 0);
      targets.push({ items, values });
    }
  });
  return targets;
}

async function summed(
  pipeline: Pipeline,
  { teacher }: Site,
  fit: LayerFit,
  targets: readonly Targets[],
  { signal, turn }: RepairOptions,
): Promise<{ readonly fitted: Sums; readonly aside: Sums }> {
  const nothing = (): Sums => ({
    gram: new Float64Array(fit.rows ** 2),
    missing: new Float64Array(fit.rows * fit.outputs),
    error: 0,
    teacherSquares: 0,
  });
  const parts = { fitted: nothing(), aside: nothing() };
  await withSession(pipeline, 'repair', fit.model, async (session) => {
    for (const [index, { items, values }] of targets.entries()) {
      const sums = index % ASIDE === ASIDE - 1 ? parts.aside : parts.fitted;
      signal?.throwIfAborted();
      await turn?.();
      const target = values[teacher]!;
      const feeds = { ...batchFeeds(pipeline, fit.model, items), target };
      const { gram, missing, error } = await session.run(feeds, ['gram', 'missing', 'error']);
      floatValues(gram!).forEach((one, i) => (sums.gram[i]! += one));
      floatValues(missing!).forEach((one, i) => (sums.missing[i]! += one));
      sums.error += floatValues(error!)[0]!;
      sums.teacherSquares += floatValues(target).reduce((sum, one) => sum + one * one, 0);
    }
  });
  return { ...parts, aside: parts.aside.teacherSquares > 0 ? parts.aside : parts.fitted };
}

/** The change that gains most on the states that were set aside; none where every one of them loses there. */
function bestChange(
  fitted: Sums,
  aside: Sums,
  rows: number,
): { readonly change?: Float64Array; readonly gain: number } {
  let best: { change?: Float64Array; gain: number } = { gain: 0 };
  for (const ridge of RIDGES) {
    const change = solveRidge(fitted.gram, fitted.missing, rows, ridge);
    const gain = change ? gained(aside, change, rows) : 0;
    if (change && gain > best.gain) best = { change, gain };
  }
  return best;
}

async function withSession(
  pipeline: Pipeline,
  what: string,
  model: Model,
  use: (session: Session) => Promise<void>,
): Promise<void> {
  const { externalData, file } = pipeline.denoiser;
  const named = `${file.path} (${what})`;
  const session = await pipeline.createSession({ what: named, modelBytes: writeModel(model), externalData });
  try {
    await use(session);
  } finally {
    await session.release();
  }
}

function teacherWith(pipeline: Pipeline, edit: Edit, values: readonly string[]): Model {
  const { file } = pipeline.denoiser;
  const { inputs } = pipeline;
  const whole = wholeOf(pipeline, edit);
  const cut = { ...whole, graph: removeDeadCode({ ...whole.graph, outputs: values.map((name) => ({ name })) }) };
  return optimise(toFloat32(cut), boundSizes(file.model, inputs.bindings, inputs.batch), values, trusted(pipeline));
}

/** By how much the change lowers the sum of squares: 2 <D, R> - <D, G D>. */
function gained({ gram, missing }: Sums, change: Float64Array, rows: number): number {
  const outputs = change.length / rows;
  let gain = 0;
  for (let i = 0; i < change.length; i++) gain += 2 * change[i]! * missing[i]!;
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < rows; j++) {
      const weight = gram[i * rows + j]!;
      for (let c = 0; c < outputs; c++) gain -= change[i * outputs + c]! * weight * change[j * outputs + c]!;
    }
  return gain;
}

/** Whole groups: a graph of fixed sizes takes no smaller one. */
function groupsOf(items: readonly TrainingItem[], size: number): readonly (readonly TrainingItem[])[] {
  return Array.from({ length: Math.floor(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
