/**
 * Whether each block's id names what dropping it removes, for any model and without its author's code. The weights of the
 * modules that the id names are made neutral in the uncut graph, found by the exporter's names alone; where every part of the
 * block ends in a product with weights, that gives what the cut gives. A preview compared with an export cannot find a wrong
 * id: both would be wrong alike.
 */

import type { Block, BlockTree } from '../blocks/block';
import { denoiserTypes } from '../blocks/denoiserTypes';
import { canHoldWeights } from '../blocks/operators';
import { allBlocks, within } from '../blocks/plan';
import { StudioError } from '../errors/StudioError';
import { dataInputs, firstOutput } from '../onnx/graph';
import type { Model, Node, TensorType } from '../onnx/model';
import { writeModel } from '../onnx/writeModel';
import { independentValues } from '../passes/blendGates';
import { gate, gateFeeds, treeForPlan } from '../passes/gate';
import { neutraliseModules } from '../passes/neutraliseModules';
import { seededNoise } from '../pipeline/seededNoise';
import { outputDifference } from '../runtime/outputDifference';
import type { Feeds, PlainTensor, Runtime, Session, SessionModel } from '../runtime/Runtime';
import { boolScalar, filled, floatValues, outputNamed, runtimeType, tensorOf } from '../runtime/tensors';

/**
 * 'right': both cuts give the same output. 'wrong': they do not, though every part of the block is a residual branch that
 * ends in weights. 'open': they do not, and the block is more than that (an activation at its end, a stage of another
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

export interface CheckIdsProgress {
  readonly done: number;
  readonly of: number;
  readonly checked: CheckedId;
}

export interface CheckIdsOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CheckIdsProgress) => void;
  /** Awaited before every block: resolves when it is the check's turn. */
  readonly turn?: () => Promise<void>;
  /** Sizes of dynamic dimensions. */
  readonly bindings: ReadonlyMap<string, number>;
  readonly externalData?: SessionModel['externalData'];
}

/** Of rounding: two orders of summation of the same numbers. Of numbers of 16 bits: four units of their last place. */
const SAME = 1e-3;
const SAME_OF: Readonly<Record<string, number>> = { float16: 4 * 2 ** -10, bfloat16: 4 * 2 ** -7 };

/** Its graphs are run as they stand, nothing fused: so much longer than a preview of the same work may the first call take. */
const SLOWER = 4;

/** In the place of zeros where those give no number: a norm in the block divides by what they make. */
const ALMOST_ZERO = 1e-9;

/** `tree`: of `model`. Throws `passes/unbound-size` for an input without sizes, what making sessions and running throws, and the signal's reason. */
export async function checkIds(
  runtime: Pick<Runtime, 'createSession'>,
  model: Model,
  tree: BlockTree,
  { signal, onProgress, turn, bindings, externalData = new Map() }: CheckIdsOptions,
): Promise<readonly CheckedId[]> {
  const blocks = allBlocks(tree).filter(({ droppable, members }) => droppable && !members);
  const gated = gate(model, treeForPlan(tree, { dropped: blocks.map(({ id }) => id) }));
  const types = denoiserTypes(model, bindings);
  const neutral = neutraliseModules(
    model,
    allBlocks(tree).map(({ id }) => id),
    types,
  );
  const same = roundingOf(model, types);
  const feeds = arbitraryFeeds(model, bindings);
  const output = firstOutput(model.graph).name;
  const macs = () => SLOWER * tree.totals.macs;
  const open = (what: string, graph: Model): Promise<Session> =>
    runtime.createSession({ what, modelBytes: writeModel(graph), externalData, macs });
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
    const fixed = independentValues(model.graph);
    const checked: CheckedId[] = [];
    for (const block of blocks) {
      await turn?.();
      signal?.throwIfAborted();
      const off = namesOf(tree, block);
      const neutralised = (weights: number) => {
        const scalars = [...neutral.inputs].map(
          ([module, name]) => [name, scalar(off.has(module) ? weights : 1)] as const,
        );
        return run(neutralSession, Object.fromEntries(scalars));
      };
      const expected = await cut([block.id]);
      const zeroed = outputDifference(await neutralised(0), expected).max / scale;
      const difference = Number.isNaN(zeroed)
        ? outputDifference(await neutralised(ALMOST_ZERO), expected).max / scale
        : zeroed;
      const effect = outputDifference(expected, whole).max / scale;
      // Of packed weights, and of weights without a module's name, nothing can be told.
      const reached = !neutral.untouched.has('') && [...off].every((module) => !neutral.untouched.has(module));
      const isNamed = reached && [...off].some((module) => neutral.inputs.has(module));
      const verdict = verdictOf(isNamed ? block.rewires : null, difference, effect, same, producers, fixed);
      const one = { id: block.id, verdict, difference, effect };
      checked.push(one);
      onProgress?.({ done: checked.length, of: blocks.length, checked: one });
    }
    return checked;
  } finally {
    for (const session of sessions) await session.release();
  }
}

/** `rewires`: of the block; null where what its id names could not be made neutral. */
function verdictOf(
  rewires: Block['rewires'] | null,
  difference: number,
  effect: number,
  same: number,
  producers: ReadonlyMap<string, Node>,
  fixed: ReadonlySet<string>,
): IdVerdict {
  if (!(effect > Math.max(10 * SAME, 2 * same))) return 'no-effect';
  if (Number.isNaN(difference)) return 'open';
  if (difference <= same * Math.max(1, effect)) return 'right';
  const residual = rewires?.every(({ exit, entry }) => {
    const node = producers.get(exit);
    if (node?.opType !== 'Add' || !node.inputs.includes(entry)) return false;
    return node.inputs.some((name) => name !== entry && endsInWeights(name, producers, fixed));
  });
  return residual ? 'wrong' : 'open';
}

/** How far apart equal results may be: by the coarsest numbers that products with weights give. */
function roundingOf({ graph }: Model, types: ReadonlyMap<string, TensorType>): number {
  const made = graph.nodes.filter(canHoldWeights).flatMap(({ outputs }) => types.get(outputs[0] ?? '')?.dataType ?? []);
  return Math.max(SAME, ...made.map((dataType) => SAME_OF[dataType] ?? SAME));
}

const KEEPS_ZERO = new Set([
  'Identity',
  'Cast',
  'Reshape',
  'Flatten',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'Slice',
  'Split',
  'Dropout',
  'Mul',
  'Div',
]);
const GIVES_ZERO = new Set(['Conv', 'ConvTranspose', 'MatMul', 'Gemm', 'LayerNormalization', 'InstanceNormalization']);

/** Is a value zero once the weights that it comes from are? Further back than a few views nothing is asked. */
function endsInWeights(
  name: string,
  producers: ReadonlyMap<string, Node>,
  fixed: ReadonlySet<string>,
  steps = 12,
): boolean {
  const node = producers.get(name);
  if (!node || steps === 0) return false;
  if (GIVES_ZERO.has(node.opType)) return node.inputs.slice(1).every((input) => input === '' || fixed.has(input));
  const isZero = (input: string) => endsInWeights(input, producers, fixed, steps - 1);
  if (node.opType === 'Add') return node.inputs.every((input) => fixed.has(input) || isZero(input));
  return KEEPS_ZERO.has(node.opType) && node.inputs.some(isZero);
}

/** A block's own module and those of its parts. */
const namesOf = (tree: BlockTree, block: Block): ReadonlySet<string> =>
  new Set([block.id, ...within(tree, block).flatMap((part) => [...namesOf(tree, part)])]);

/** Noise for numbers, ones for indices, true for masks: whatever the graph takes, in its own sizes. */
function arbitraryFeeds({ graph }: Model, bindings: ReadonlyMap<string, number>): Record<string, PlainTensor> {
  const inputs = dataInputs(graph);
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
