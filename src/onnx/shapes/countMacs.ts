/** Multiply-accumulates of one node at known shapes. Elementwise work, norms and softmax count as none, as usual. */
import { elementCount } from '../dataTypes';
import type { Node, TensorType } from '../model';
import { intAttribute, textAttribute } from './rules';

/** 0 for operators without matrix work and where a shape is unknown. */
export function countMacs(node: Node, types: ReadonlyMap<string, TensorType>): number {
  const shape = (name: string | undefined): readonly number[] | undefined => {
    const dims = name ? types.get(name)?.shape : undefined;
    return dims?.every((dim) => typeof dim === 'number') ? (dims as number[]) : undefined;
  };
  const input = (index: number) => shape(node.inputs[index]);
  const output = shape(node.outputs[0]);
  if (!output) return 0;
  const outputs = elementCount(output);
  switch (node.opType) {
    case 'Conv': case 'FusedConv': case 'ConvInteger': return outputs * elementCount(input(1)?.slice(1) ?? [0]);
    case 'QLinearConv': return outputs * elementCount(input(3)?.slice(1) ?? [0]);
    case 'ConvTranspose': return elementCount(input(0) ?? [0]) * elementCount(input(1)?.slice(1) ?? [0]);
    case 'MatMul': case 'MatMulInteger': case 'DynamicQuantizeMatMul': case 'MatMulIntegerToFloat': return outputs * (input(0)?.at(-1) ?? 0);
    case 'FusedMatMul': return outputs * (input(0)?.at(intAttribute(node, 'transA', 0) === 1 ? -2 : -1) ?? 0);
    case 'Gemm': return outputs * (input(0)?.at(intAttribute(node, 'transA', 0) === 1 ? 0 : 1) ?? 0);
    case 'MatMulNBits': return outputs * intAttribute(node, 'K', 0);
    case 'Einsum': return einsumMacs(node, node.inputs.map((_, index) => input(index)));
    case 'MultiHeadAttention': case 'Attention': case 'GroupQueryAttention': return attentionMacs(node, input(0), input(1), output);
    default: return 0;
  }
}

/** One multiply per point of the joint index space, when two or more operands meet. */
function einsumMacs(node: Node, shapes: readonly (readonly number[] | undefined)[]): number {
  const terms = textAttribute(node, 'equation')?.replace(/\s/g, '').split('->')[0]!.split(',');
  if (!terms || terms.length < 2) return 0;
  const sizes = new Map<string, number>();
  terms.forEach((term, index) => [...term].forEach((letter, axis) => sizes.set(letter, shapes[index]?.[axis] ?? 0)));
  return [...sizes.values()].reduce((a, b) => a * b, 1);
}

/** Scores and weighted sum; for com.microsoft's Attention the packed projection as well. */
function attentionMacs(node: Node, query: readonly number[] | undefined, second: readonly number[] | undefined, output: readonly number[]): number {
  if (!query || !second) return 0;
  if (node.domain === 'com.microsoft' && node.opType === 'Attention') {
    const [batch, length, width] = [query[0]!, query[1]!, query[2]!];
    return batch * length * width * second.at(-1)! + 2 * batch * length * length * output.at(-1)!;
  }
  const keyLength = second.length === 4 ? second[2]! : second[1]!;
  return 2 * elementCount(output) * keyLength;
}
