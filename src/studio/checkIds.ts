/**
 * Whether each block's id names what dropping it removes, for any model and without its author's code. The weights of the
 * modules that the id names are set to zero in the uncut graph, found by the exporter's names alone; where every part of the
 * block ends in a product with weights, that gives what the cut gives. A preview compared with an export cannot find a wrong
 * id: both would be wrong alike.
 */

import type { Block, BlockTree } from '../blocks/block';
import { allBlocks } from '../blocks/plan';
import { StudioError } from '../errors/StudioError';
import { firstOutput } from '../onnx/graph';
import type { Model, Node, TensorType } from '../onnx/model';
import { writeModel } from '../onnx/writeModel';
import { gate, gateFeeds } from '../passes/gate';
import { neutraliseModules } from '../passes/neutraliseModules';
import { seededNoise } from '../pipeline/seededNoise';
import { outputDifference } from '../runtime/outputDifference';
import type { Feeds, PlainTensor, Runtime, Session, SessionModel } from '../runtime/Runtime';
import { boolScalar, filled, floatValues, outputNamed, runtimeType, tensorOf } from '../runtime/tensors';

/**
 * 'right': both cuts give the same output. 'wrong': they do not, though every part of the block is a residual branch.
 * 'open': they do not, and the block is more than that (a norm or a learned blend at its end, a stage of another
 * resolution), so nothing follows. 'no-effect': dropping it changes nothing here, so equality would prove nothing.
 */
export type IdVerdict = 'right' | 'wrong' | 'open' | 'no-effect';

export interface CheckedId {
  readonly id: string;
  readonly verdict: IdVerdict;
  /** Largest difference between both cuts, and between the cut and the uncut output, as shares of the largest output. */
  readonly difference: number;
  readonly effect: number;
}

export interface CheckIdsOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, of: number) => void;
  /** Sizes of dynamic dimensions. */
  readonly bindings: ReadonlyMap<string, number>;
  readonly externalData?: SessionModel['externalData'];
}

/** Of rounding: two orders of summation of the same numbers. */
const SAME = 1e-3;

/** `tree`: of `model`. Throws `passes/unbound-size` for an input without sizes, what making sessions and running throws, and the signal's reason. */
export async function checkIds(
  runtime: Pick<Runtime, 'createSession'>,
  model: Model,
  tree: BlockTree,
  { signal, onProgress, bindings, externalData = new Map() }: CheckIdsOptions,
): Promise<readonly CheckedId[]> {
  const blocks = allBlocks(tree).filter(({ droppable, members }) => droppable && !members);
  const gated = gate(model, tree);
  const neutral = neutraliseModules(
    model,
    allBlocks(tree).map(({ id }) => id),
  );
  const feeds = arbitraryFeeds(model, bindings);
  const output = firstOutput(model.graph).name;
  const open = (what: string, graph: Model): Promise<Session> =>
    runtime.createSession({ what, modelBytes: writeModel(graph), externalData });
  const sessions: Session[] = [];
  try {
    sessions.push(await open('the gated graph', gated.model), await open('the neutralised graph', neutral.model));
    const [gatedSession, neutralSession] = sessions as [Session, Session];
    const run = async (session: Session, given: Feeds) =>
      floatValues(outputNamed(await session.run({ ...feeds, ...given }, [output]), output));
    const cut = (dropped: readonly string[]) =>
      run(
        gatedSession,
        Object.fromEntries([...gateFeeds(gated.gates, tree, { dropped })].map(([name, on]) => [name, boolScalar(on)])),
      );
    const whole = await cut([]);
    const scale = whole.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const producers = new Map(model.graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
    const checked: CheckedId[] = [];
    for (const block of blocks) {
      signal?.throwIfAborted();
      const off = namesOf(block);
      const scalars = [...neutral.inputs].map(([module, name]) => [name, scalar(off.has(module) ? 0 : 1)] as const);
      const expected = await cut([block.id]);
      const difference = outputDifference(await run(neutralSession, Object.fromEntries(scalars)), expected).max / scale;
      const effect = outputDifference(expected, whole).max / scale;
      checked.push({ id: block.id, verdict: verdictOf(block, difference, effect, producers), difference, effect });
      onProgress?.(checked.length, blocks.length);
    }
    return checked;
  } finally {
    for (const session of sessions) await session.release();
  }
}

function verdictOf(
  { rewires }: Block,
  difference: number,
  effect: number,
  producers: ReadonlyMap<string, Node>,
): IdVerdict {
  if (!(effect > 10 * SAME)) return 'no-effect';
  if (difference <= SAME * Math.max(1, effect)) return 'right';
  const residual = rewires.every(({ exit, entry }) => {
    const node = producers.get(exit);
    return node?.opType === 'Add' && node.inputs.includes(entry);
  });
  return residual ? 'wrong' : 'open';
}

/** A block's own module and those of its parts. */
const namesOf = (block: Block): ReadonlySet<string> =>
  new Set([block.id, ...block.children.flatMap((child) => [...namesOf(child)])]);

/** Noise for numbers, ones for indices, true for masks: whatever the graph takes, in its own sizes. */
function arbitraryFeeds({ graph }: Model, bindings: ReadonlyMap<string, number>): Record<string, PlainTensor> {
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  return Object.fromEntries(
    inputs.map(({ name, type }, index) => [name, arbitrary(name, type, bindings, index)] as const),
  );
}

function arbitrary(
  name: string,
  type: TensorType | undefined,
  bindings: ReadonlyMap<string, number>,
  stream: number,
): PlainTensor {
  const dims = type?.shape?.map((dim) => (typeof dim === 'string' ? bindings.get(dim) : dim));
  if (!type || !dims?.every((dim): dim is number => typeof dim === 'number'))
    throw new StudioError('passes/unbound-size', `The input ${name} has no size. Give it with --bind.`, { name });
  const dataType = runtimeType(type.dataType, name);
  const count = dims.reduce((product, dim) => product * dim, 1);
  const isFloat = dataType === 'float32' || dataType === 'float16' || dataType === 'float64';
  return isFloat ? tensorOf(dataType, dims, seededNoise(1, count, stream)) : filled(dataType, dims, 1);
}

const scalar = (value: number): PlainTensor => ({ dataType: 'float32', dims: [], data: Float32Array.of(value) });
