/**
 * A component with its blocks and its gated sessions: one per set of weights, made on first use and pooled. A plan is
 * an input of the session, never a session of its own.
 */

import type { BlockTree } from '../blocks/block';
import type { ComponentId } from '../blocks/plan';
import type { Preset } from '../blocks/presets';
import { StudioError } from '../errors/StudioError';
import { sha256Of } from '../library/sha256';
import type { ByteSource } from '../onnx/ByteSource';
import type { Model, Tensor, TensorType } from '../onnx/model';
import { inferShapes } from '../onnx/shapes/inferShapes';
import { writeModel } from '../onnx/writeModel';
import type { Fusion } from '../passes/fuse/fuse';
import { type GatedModel, gate, gateFeeds } from '../passes/gate';
import { optimiseAround } from '../passes/optimise';
import type { BoundSizes } from '../passes/tidy/tidy';
import { withWeights } from '../passes/withWeights';
import type { Component } from '../pipeline/components';
import type { Feeds, Session, SessionModel } from '../runtime/Runtime';
import type { SessionPool } from '../runtime/sessionPool';
import { boolScalar } from '../runtime/tensors';
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

export function openComponent(parts: ComponentParts): OpenedComponent {
  const { id, file, tree, types, presets, cannotRun, pool, sizes, fusions } = parts;
  const models = new Map<Edit['weights'], Model>([['original', file.model]]);
  const added = new Map<WeightsId, ReadonlyMap<string, Tensor>>();
  const wholes = new Map<Edit['weights'], Model>();
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
  const wholeOf = (weights: Edit['weights']): Model => {
    const known = wholes.get(weights) ?? optimiseAround(modelOf(weights), tree, sizes, fusions);
    wholes.set(weights, known);
    return known;
  };
  const gatedOf = (weights: Edit['weights'], form: Form): GatedModel => {
    const key = poolKey(weights, form);
    const made = () => gate(form === 'plain' ? modelOf(weights) : wholeOf(weights), tree);
    const known = gated.get(key) ?? made();
    gated.set(key, known);
    return known;
  };
  const keeps = ({ plan, weights }: Edit, form: Form): Feeds => {
    const fed = [...gateFeeds(gatedOf(weights, form).gates, tree, plan)];
    return Object.fromEntries(fed.map(([name, keep]) => [name, boolScalar(keep)]));
  };
  const poolKey = (weights: Edit['weights'], form: Form) => `${id}:${weights}:${form}`;
  const session = (weights: Edit['weights'], form: Form): Promise<Session> =>
    pool.use(poolKey(weights, form), {
      sizeBytes: componentBytes(file),
      pinned: weights === 'original' && form === 'optimised',
      create: () =>
        parts.createSession({
          what: file.path,
          modelBytes: writeModel(gatedOf(weights, form).model),
          externalData: file.weights,
          optimised: form === 'optimised',
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
      await session(weights, 'optimised');
    },
    async run(edit, feeds, outputs) {
      if (cannotRun !== undefined) throw new StudioError('engine/cannot-run', cannotRun);
      const form = formFor(feeds);
      return (await session(edit.weights, form)).run({ ...feeds, ...keeps(edit, form) }, outputs);
    },
    async runUnoptimised(edit, feeds, outputs) {
      if (cannotRun !== undefined) throw new StudioError('engine/cannot-run', cannotRun);
      const modelBytes = writeModel(gatedOf(edit.weights, 'plain').model);
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
      const whole = wholeOf('original');
      return { whole, gated: gatedOf('original', 'optimised'), types: inferShapes(whole, sizes.bindings) };
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
      wholes.delete(weights);
      for (const form of ['optimised', 'plain'] as const) {
        gated.delete(poolKey(weights, form));
        await pool.drop(poolKey(weights, form));
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

/** By content: names, types, dimensions and bytes, in the order of names. */
async function weightsId(tensors: ReadonlyMap<string, Tensor>): Promise<WeightsId> {
  const pieces: Uint8Array[] = [];
  for (const name of [...tensors.keys()].sort()) {
    const { dataType, dims, data } = tensors.get(name)!;
    if (data.kind !== 'inline')
      throw new StudioError('internal', `The new weights ${name} are not at hand as bytes.`, { name });
    pieces.push(new TextEncoder().encode(`${name}\0${dataType}\0${dims.join()}\0`), data.bytes);
  }
  return sha256Of(pieces);
}
