/**
 * Low-rank training (LoRA, Hu et al. 2021): chosen matrices stay as they are and get a product of two narrow ones added, which
 * alone are trained. What was learnt is added to the matrices once at the end, so that what is exported is the graph as it was.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import { StudioError } from '../../errors/StudioError';
import type { ByteSource } from '../../onnx/ByteSource';
import { renameUses } from '../../onnx/graph';
import type { Model, Node, Tensor } from '../../onnx/model';
import { floatBytes } from '../differentiate/toFloat32';
import { weightsOf } from '../differentiate/weights';
import { namedNode } from './namedNode';
import { type ParameterLayout, parameterLayout, readParameters } from './parameters';

/** Projections of attention, as exporters name them after PyTorch's modules. */
const PROJECTION =
  /(^|[./_])(to_q|to_k|to_v|to_out|to_qkv|to_add_out|add_[qkv]_proj|qkv|[qkv]_proj|out_proj|proj_attn|query|key|value)([./_]|$)/;

const downOf = (name: string): string => `${name}:down`;
const upOf = (name: string): string => `${name}:up`;

/** Matrices of attention projections. Throws `passes/nothing-to-train` where names tell none. */
export function attentionProjections(model: Model): readonly Tensor[] {
  const found = weightsOf(model).filter(({ name, dims }) => dims.length === 2 && PROJECTION.test(name));
  if (found.length > 0) return found;
  throw new StudioError(
    'passes/nothing-to-train',
    'No weight of this model is named as an attention projection (to_q, q_proj, qkv...). Train all weights, or name them by a pattern.',
    {},
  );
}

/**
 * Both narrow factors of each matrix as initializers; the second begins at nothing, so the model does what it did.
 * `normals`: unit normal numbers for the first ones, by the matrix's index.
 */
export function withLowRank(
  model: Model,
  matrices: readonly Tensor[],
  rank: number,
  normals: (index: number, length: number) => Float32Array,
): Model {
  const { graph } = model;
  const initializers = new Map(graph.initializers);
  const float = (name: string, dims: readonly number[], values: Float32Array): void => {
    const bytes = new Uint8Array(values.slice().buffer);
    initializers.set(name, { name, dataType: 'float32', dims, data: { kind: 'inline', bytes } });
  };
  const nodes = matrices.flatMap(({ name, dims, dataType }, index): Node[] => {
    const [rows, columns] = dims as [number, number];
    const own = Math.min(rank, rows, columns);
    const first = normals(index, rows * own).map((value) => value / Math.sqrt(rows));
    float(downOf(name), [rows, own], first);
    float(upOf(name), [own, columns], new Float32Array(own * columns));
    if (dataType === 'float64')
      throw new StudioError('onnx/unsupported', `Low-rank training of ${name} needs float32 or less.`, { name });
    return [
      namedNode('MatMul', [downOf(name), upOf(name)], `${name}:change`),
      namedNode('Add', [name, `${name}:change`], `${name}:low-rank`),
    ];
  });
  const replaced = new Map(matrices.map(({ name }) => [name, `${name}:low-rank`]));
  const users = graph.nodes.map((user) => renameUses(user, (name) => replaced.get(name) ?? name));
  return { ...model, graph: { ...graph, initializers, nodes: [...nodes, ...users] } };
}

/** Whether an initializer is one of the narrow factors. */
export const isLowRankFactor = (name: string): boolean => name.endsWith(':down') || name.endsWith(':up');

/**
 * The matrices with what was learnt, in the types that they are stored in. `layout`, `flat`: the factors. Throws as
 * `readParameters`.
 */
export async function mergeLowRank(
  model: Model,
  matrices: readonly Tensor[],
  layout: ParameterLayout,
  flat: Float32Array,
  sources: ReadonlyMap<string, ByteSource>,
): Promise<ReadonlyMap<string, Tensor>> {
  const own = parameterLayout(matrices);
  const values = await readParameters(model, own, sources);
  const factors = new Map(
    layout.parameters.map(({ name, offset, length }) => [name, flat.subarray(offset, offset + length)]),
  );
  return new Map(
    own.parameters.map(({ name, shape, dataType, offset, length }) => {
      const merged = values.subarray(offset, offset + length);
      addProduct(merged, factors.get(downOf(name))!, factors.get(upOf(name))!, shape as [number, number]);
      const bytes = floatBytes(merged, dataType);
      return [name, { name, dataType, dims: shape, data: { kind: 'inline', bytes } } satisfies Tensor];
    }),
  );
}

function addProduct(to: Float32Array, down: Float32Array, up: Float32Array, [rows, columns]: [number, number]): void {
  const rank = down.length / rows;
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < rank; k++) {
      const factor = down[i * rank + k]!;
      for (let j = 0; j < columns; j++) to[i * columns + j]! += factor * up[k * columns + j]!;
    }
}
