/**
 * Multiply-accumulates of one node at known shapes: products of matrices and convolutions, attention included.
 * Element-wise work, norms and softmax count as none, as is usual in the field.
 */
import { elementCount } from '../dataTypes';
import type { Node, TensorType } from '../model';
import { intAttribute, textAttribute } from './OpCall';

type Shape = readonly number[];

/** Shapes of the inputs and the first output; undefined where one is not known in full. */
interface Shapes {
  readonly inputs: readonly (Shape | undefined)[];
  readonly output: Shape;
}

/** 0 for operators without matrix work and where a shape that it takes is unknown. A branch or loop body is not entered. */
export function countMacs(node: Node, types: ReadonlyMap<string, TensorType>): number {
  const rule = node.domain === '' || node.domain === 'com.microsoft' ? rules.get(node.opType) : undefined;
  if (!rule) return 0;
  const shape = (name: string | undefined): Shape | undefined => {
    const dims = name ? types.get(name)?.shape : undefined;
    return dims?.every((dim) => typeof dim === 'number') ? dims : undefined;
  };
  const inputs = node.inputs.map(shape);
  if (rule === recurrent) return recurrent({ inputs, output: [] }, node); // it may give its last state alone
  const output = shape(node.outputs[0]);
  return output ? rule({ inputs, output }, node) : 0;
}

type MacRule = (shapes: Shapes, node: Node) => number;

/** Elements of a weight that meet in one output element: all but the output channel. */
const perOutput = (weight: Shape | undefined): number => (weight ? elementCount(weight.slice(1)) : 0);

/** Each output element is one window over the input channels of its group. `weights`: which input holds them. */
const convolution =
  (weights: number): MacRule =>
  ({ inputs, output }) =>
    elementCount(output) * perOutput(inputs[weights]);

/** Each input element meets the whole kernel of every output channel of its group. */
const transposedConvolution: MacRule = ({ inputs }) => (inputs[0] ? elementCount(inputs[0]) * perOutput(inputs[1]) : 0);

/** `axis`: where the first factor has the summed dimension. */
const matMul =
  (axis: (node: Node) => number): MacRule =>
  ({ inputs, output }, node) =>
    elementCount(output) * (inputs[0]?.at(axis(node)) ?? 0);

const packedMatMul: MacRule = ({ output }, node) => elementCount(output) * intAttribute(node, 'K', 0);

/** One per point of the joint index space, where two or more operands meet. */
const einsum: MacRule = ({ inputs }, node) => {
  const [operands = ''] = textAttribute(node, 'equation', '').replaceAll(' ', '').split('->');
  const terms = operands.split(',');
  if (terms.length < 2) return 0;
  const sizes = new Map<string, number>();
  for (const [i, term] of terms.entries()) {
    const shape = inputs[i];
    if (!shape) return 0;
    const batch = shape.length - term.replace('...', '').length; // axes under the ellipsis, counted from its left
    if (batch < 0) return 0;
    const letters = term.replace('...', [...Array(batch).keys()].map((k) => String.fromCharCode(0xe000 + k)).join(''));
    [...letters].forEach((letter, axis) => sizes.set(letter, Math.max(sizes.get(letter) ?? 1, shape[axis] ?? 1)));
  }
  return elementCount([...sizes.values()]);
};

/** Where each operator has its keys, and the cache of earlier ones ([B, N, P, H], or [2, B, N, P, H] for both). */
const caches: Readonly<Record<string, number>> = {
  Attention: 4,
  MultiHeadAttention: 6,
  DecoderMaskedMultiHeadAttention: 5,
  GroupQueryAttention: 3,
  QAttention: 8,
};

/** Length of the cache of keys: what every query meets besides the keys of this call. */
const cached = (inputs: Shapes['inputs'], opType: string): number => inputs[caches[opType] ?? -1]?.at(-2) ?? 0;

/** Scores and weighted sum over keys, those of the cache too: for every query position, K's and V's width times the keys. */
const attention: MacRule = ({ inputs, output }, node) => {
  const [query, key] = inputs;
  if (!query) return 0;
  const past = cached(inputs, node.opType);
  if (query.length === 5) return 2 * elementCount(output) * ((query[1] ?? 0) + past); // q, k and v packed: [B, S, N, 3, H]
  // packed likewise, side by side: [B, S, (N + 2 Nkv) H]
  if (!key) return node.opType === 'GroupQueryAttention' ? 2 * elementCount(output) * ((query[1] ?? 0) + past) : 0;
  const keys = (key.length === 4 ? key[2] : key[1]) ?? 0;
  return (keys + past) * (elementCount(query) + elementCount(output));
};

/** With its projection: input [.., C] times [C, Q + K + V], then attention over the same tokens. */
const projectedAttention: MacRule = ({ inputs, output }, node) => {
  const [input, weights] = inputs;
  if (!input || weights?.length !== 2) return 0;
  const tokens = elementCount(input.slice(0, -1));
  const keys = (input.at(-2) ?? 0) + cached(inputs, node.opType);
  return tokens * elementCount(weights) + 2 * keys * elementCount(output);
};

/** W [D, gates H, I] and R [D, gates H, H] meet every element of a sequence [S, B, I] once, in either layout. */
const recurrent: MacRule = ({ inputs: [x, w, r] }) =>
  x && w && r ? elementCount(x.slice(0, 2)) * (elementCount(w) + elementCount(r)) : 0;

const last = () => -1;

const rules: ReadonlyMap<string, MacRule> = new Map<string, MacRule>([
  ...['Conv', 'FusedConv', 'ConvInteger', 'DeformConv', 'NhwcConv', 'NhwcFusedConv'].map(
    (opType) => [opType, convolution(1)] as const,
  ),
  ['QLinearConv', convolution(3)],
  ['ConvTranspose', transposedConvolution],
  ...['MatMul', 'MatMulInteger', 'QLinearMatMul', 'DynamicQuantizeMatMul', 'MatMulIntegerToFloat'].map(
    (opType) => [opType, matMul(last)] as const,
  ),
  ...['FusedMatMul', 'TransposeMatMul'].map(
    (opType) => [opType, matMul((node) => (intAttribute(node, 'transA', 0) === 1 ? -2 : -1))] as const,
  ),
  ...['Gemm', 'FusedGemm'].map(
    (opType) => [opType, matMul((node) => (intAttribute(node, 'transA', 0) === 1 ? 0 : 1))] as const,
  ),
  ...['MatMulNBits', 'MatMulBnb4', 'MatMulFpQ4'].map((opType) => [opType, packedMatMul] as const),
  ['Einsum', einsum],
  ...['RNN', 'GRU', 'LSTM'].map((opType) => [opType, recurrent] as const),
  ...['MultiHeadAttention', 'DecoderMaskedMultiHeadAttention', 'GroupQueryAttention'].map(
    (opType) => [opType, attention] as const,
  ),
  ['Attention', (shapes, node) => (node.domain === '' ? attention : projectedAttention)(shapes, node)],
  ['QAttention', projectedAttention],
  ['PackedAttention', projectedAttention],
]);
