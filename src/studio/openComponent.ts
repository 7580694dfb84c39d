/**
 * A component with its blocks and its gated sessions: one per set of weights, made on first use and pooled. A plan is
 * an input of the session, never a session of its own.
 */

import type { BlockTree } from '../blocks/block';
import { type ComponentId, NOTHING_DROPPED } from '../blocks/plan';
import type { Preset } from '../blocks/presets';
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import { sha256Of } from '../library/sha256';
import type { ByteSource } from '../onnx/ByteSource';
import { elementCount, tensorByteLength } from '../onnx/dataTypes';
import type { Model, Tensor, TensorType } from '../onnx/model';
import { inferShapes } from '../onnx/shapes/inferShapes';
import { allTensors } from '../onnx/tensors';
import { writeModel } from '../onnx/writeModel';
import type { Fusion } from '../passes/fuse/fuse';
import { type GatedModel, gate, gateFeeds, partsIn, treeForPlan } from '../passes/gate';
import { optimiseAround } from '../passes/optimise';
import type { BoundSizes } from '../passes/tidy/tidy';
import { withWeights } from '../passes/withWeights';
import type { Component } from '../pipeline/components';
import type { Feeds, Session, SessionModel } from '../runtime/Runtime';
import type { SessionPool } from '../runtime/sessionPool';
import { boolScalar } from '../runtime/tensors';
import type { WeightsNeed } from '../runtime/weightLimits';
import { fits } from './boundSizes';
import type { OpenedComponent } from './Pipeline';
import type { Edit, WeightsId } from './Variant';

/** The graph as the passes for the runtime leave it, or as the file has it. */
type Form = 'optimised' | 'plain';

export interface ComponentParts {
  readonly id: ComponentId;
  readonly file: Component;
  readonly tree: BlockTree;
  readonly types: ReadonlyMap<string, TensorType>;
  readonly presets: readonly Preset[];
  /** At which it is called: what its sessions' graphs are optimised for. */
  readonly sizes: BoundSizes;
  /** Operators that the runtime computes rightly. */
  readonly fusions: ReadonlySet<Fusion>;
  /** Why nothing can run here. */
  readonly cannotRun?: string;
  readonly pool: SessionPool;
  createSession(model: SessionModel): Promise<Session>;
}

/**
 * Pixels of a latent up to which a step is bound by the number of dispatches, not by the work of its convolutions: there the
 * layout without Transposes is taken. Chosen by count (docs/speed.md); no GPU has timed either.
 */
const MOST_SMALL_PIXELS = 32 * 32;

function hasSmallImages({ latentInput }: BlockTree, types: ReadonlyMap<string, TensorType>): boolean {
  const [height, width] = (types.get(latentInput)?.shape ?? []).slice(-2);
  return typeof height === 'number' && typeof width === 'number' && height * width <= MOST_SMALL_PIXELS;
}

/** How many times as many values the latent of a call has as the one that the figures are of. */
function sizeRatio(feeds: Feeds, latentInput: string, types: ReadonlyMap<string, TensorType>): number {
  const [fed, counted] = [feeds[latentInput]?.dims, types.get(latentInput)?.shape];
  if (!fed || !counted?.every((dim) => typeof dim === 'number')) return 1;
  return elementCount(fed) / Math.max(1, elementCount(counted));
}

export function openComponent(parts: ComponentParts): OpenedComponent {
  const { id, file, tree, types, presets, cannotRun, pool, sizes, fusions } = parts;
  const models = new Map<Edit['weights'], Model>([['original', file.model]]);
  const added = new Map<WeightsId, ReadonlyMap<string, Tensor>>();
  const wholes = new Map<string, Model>();
  const gated = new Map<string, GatedModel>();
  const modelOf = (weights: Edit['weights']): Model => {
    const model = models.get(weights);
    if (!model)
      throw new StudioError('engine/no-weights', 'The weights of this student are not loaded.', {
        component: id,
        weights,
      });
    return model;
  };
  /** Optimised. */
  const wholeOf = ({ weights, plan }: Edit): Model => {
    const key = weightsKey(weights) + partsIn(tree, plan).join();
    const known = wholes.get(key) ?? optimiseAround(modelOf(weights), treeForPlan(tree, plan), sizes, fusions);
    wholes.set(key, known);
    return known;
  };
  const gatedOf = (edit: Edit, form: Form): GatedModel => {
    const key = poolKey(edit, form);
    const made = () => gate(form === 'plain' ? modelOf(edit.weights) : wholeOf(edit), treeForPlan(tree, edit.plan));
    const known = gated.get(key) ?? made();
    gated.set(key, known);
    return known;
  };
  const keeps = (edit: Edit, form: Form): Feeds => {
    const fed = [...gateFeeds(gatedOf(edit, form).gates, tree, edit.plan)];
    return Object.fromEntries(fed.map(([name, keep]) => [name, boolScalar(keep)]));
  };
  const weightsKey = (weights: Edit['weights']) => `${id}:${weights}:`;
  /** One session per set of weights; a plan that goes inside layers has one of its own. */
  const poolKey = ({ weights, plan }: Edit, form: Form) =>
    [weightsKey(weights) + form, ...partsIn(tree, plan)].join(' ');
  const session = (edit: Edit, form: Form): Promise<Session> =>
    pool.use(poolKey(edit, form), {
      sizeBytes: componentBytes(file),
      pinned: edit.weights === 'original' && form === 'optimised' && partsIn(tree, edit.plan).length === 0,
      create: () =>
        parts.createSession({
          what: file.path,
          modelBytes: writeModel(gatedOf(edit, form).model),
          externalData: file.weights,
          optimised: form === 'optimised',
          channelsFirst: form === 'optimised' && id === 'denoiser' && hasSmallImages(tree, types),
          macs: (feeds) => tree.totals.macs * sizeRatio(feeds, tree.latentInput, types),
        }),
    });
  /** A call of sizes that nobody counted on runs on the graph as it is. */
  const formFor = (feeds: Feeds): Form => (fits(file.model, sizes, feeds) ? 'optimised' : 'plain');
  return {
    id,
    file,
    tree,
    types,
    presets,
    modelOf,
    externalData: file.weights,
    async prepare(weights) {
      await session({ plan: NOTHING_DROPPED, weights }, 'optimised');
    },
    async run(edit, feeds, outputs) {
      if (cannotRun !== undefined) throw new StudioError('engine/cannot-run', cannotRun);
      const form = formFor(feeds);
      return (await session(edit, form)).run({ ...feeds, ...keeps(edit, form) }, outputs);
    },
    async runUnoptimised(edit, feeds, outputs) {
      if (cannotRun !== undefined) throw new StudioError('engine/cannot-run', cannotRun);
      const modelBytes = writeModel(gatedOf(edit, 'plain').model);
      const model = { what: file.path, modelBytes, externalData: file.weights, unoptimised: true };
      const own = await parts.createSession(model);
      try {
        return await own.run({ ...feeds, ...keeps(edit, 'plain') }, outputs);
      } finally {
        await own.release();
      }
    },
    graphsFor(feeds) {
      if (formFor(feeds) === 'plain') return null;
      const teacher: Edit = { plan: NOTHING_DROPPED, weights: 'original' };
      const whole = wholeOf(teacher);
      return { whole, gated: gatedOf(teacher, 'optimised'), types: inferShapes(whole, sizes.bindings) };
    },
    async addWeights(tensors) {
      const model = withWeights(file.model, tensors);
      const key = await weightsId(tensors);
      models.set(key, models.get(key) ?? model);
      added.set(key, tensors);
      return key;
    },
    addedWeights: () => added,
    async removeWeights(weights) {
      models.delete(weights);
      added.delete(weights);
      const own = (key: string) => key.startsWith(weightsKey(weights));
      for (const key of [...wholes.keys()].filter(own)) wholes.delete(key);
      for (const key of [...gated.keys()].filter(own)) {
        gated.delete(key);
        await pool.drop(key);
      }
    },
  };
}

/** Bytes of a component's graph and weights. */
export function componentBytes({
  bytes,
  weights,
}: {
  bytes: Uint8Array;
  weights: ReadonlyMap<string, ByteSource>;
}): number {
  let sizeBytes = bytes.length;
  for (const source of weights.values()) sizeBytes += source.sizeBytes;
  return sizeBytes;
}

/** What a session of a component would hold. */
export function weightsNeed({ bytes, weights, model }: Component): WeightsNeed {
  let largestTensor = { name: '', bytes: 0 };
  let isHalf = false;
  for (const tensor of allTensors(model)) {
    if (tensor.data.kind === 'strings') continue;
    const size = tensorByteLength(tensor);
    if (size > largestTensor.bytes) largestTensor = { name: tensor.name, bytes: size };
    if (size > HALF_COUNTS_FROM_BYTES && tensor.dataType.endsWith('float16')) isHalf = true;
  }
  return {
    totalBytes: componentBytes({ bytes, weights }),
    graphBytes: bytes.length,
    largestFileBytes: Math.max(0, ...[...weights.values()].map(({ sizeBytes }) => sizeBytes)),
    largestTensor,
    isHalf,
  };
}

/** Smaller tensors in half precision change nothing. */
const HALF_COUNTS_FROM_BYTES = 2 ** 20;

/** By content: names, types, dimensions and bytes, in the order of names. */
async function weightsId(tensors: ReadonlyMap<string, Tensor>): Promise<WeightsId> {
  const pieces: Uint8Array[] = [];
  for (const name of [...tensors.keys()].sort()) {
    const { dataType, dims, data } = present(tensors.get(name));
    if (data.kind !== 'inline')
      throw new StudioError('internal', `The new weights ${name} are not at hand as bytes.`, { name });
    pieces.push(new TextEncoder().encode(`${name}\0${dataType}\0${dims.join()}\0`), data.bytes);
  }
  return sha256Of(pieces);
}
