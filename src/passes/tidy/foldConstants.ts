/**
 * What is the same for every call becomes an initializer: Constant nodes, sizes that the graph computes, casts and
 * views of weights, weights stored in 8 bits. Products of weights are left to the runtime, which folds them too.
 */
import { elementCount, tensorByteLength } from '../../onnx/dataTypes';
import type { DataType, Node, Tensor } from '../../onnx/model';
import { tensorAttribute } from '../../onnx/shapes/OpCall';
import { perClip } from '../clipSizes';
import type { GraphEditor } from '../GraphEditor';
import { dequantised } from './dequantised';
import { floatBits } from './floats';
import { isView } from './views';

/** `budgetBytes`: what widened and turned weights may take together. Returns what is left of it. */
export function foldConstants(editor: GraphEditor, budgetBytes: number): number {
  let left = budgetBytes;
  for (const node of editor.all) {
    const [output, ...more] = node.outputs;
    if (output === undefined || more.length > 0 || editor.isKept(output)) continue;
    const constant = editor.constant(output);
    const dataType = editor.dataType(output);
    const shape = editor.shape(output);
    const computed = constant && dataType && shape && tensorOf(dataType, shape, constant);
    const value = node.opType === 'Constant' ? tensorAttribute(node, 'value') : undefined;
    if (value) editor.setConstant(output, value);
    else if (computed) editor.setConstant(output, computed);
    else left -= foldWeight(editor, node, left);
  }
  return left;
}

function tensorOf(
  dataType: DataType,
  dims: readonly number[],
  elements: readonly number[],
): Omit<Tensor, 'name'> | undefined {
  const inline = (values: ArrayBufferView): Omit<Tensor, 'name'> => ({
    dataType,
    dims,
    data: { kind: 'inline', bytes: new Uint8Array(values.buffer as ArrayBuffer) },
  });
  switch (dataType) {
    case 'int64':
      return elements.every(Number.isSafeInteger) ? inline(BigInt64Array.from(elements, BigInt)) : undefined;
    case 'int32':
      return inline(Int32Array.from(elements));
    case 'bool':
      return inline(Uint8Array.from(elements));
    case 'float32':
      return inline(Float32Array.from(elements));
    default:
      return undefined;
  }
}

/** Bytes that it took. */
function foldWeight(editor: GraphEditor, node: Node, budgetBytes: number): number {
  const output = node.outputs[0] ?? '';
  const weight = editor.weight(node.inputs[0] ?? '');
  const dims = editor.shape(output);
  if (!weight || node.domain !== '' || !dims || dims.some(perClip)) return 0;
  if (isView(node)) {
    if (elementCount(dims) === elementCount(weight.dims)) editor.setConstant(output, { ...weight, dims });
    return 0;
  }
  const folded = foldedWeight(editor, node, weight);
  if (!folded || tensorByteLength({ ...folded, name: output }) > budgetBytes) return 0;
  editor.setConstant(output, folded);
  return tensorByteLength({ ...folded, name: output });
}

function foldedWeight(editor: GraphEditor, node: Node, weight: Tensor): Omit<Tensor, 'name'> | undefined {
  switch (node.opType) {
    case 'Cast':
      return widened(editor, node, weight);
    case 'DequantizeLinear':
      return dequantised(editor, node, weight);
    default:
      return turned(node, weight);
  }
}

function widened(editor: GraphEditor, node: Node, weight: Tensor): Omit<Tensor, 'name'> | undefined {
  const to = editor.dataType(node.outputs[0] ?? '');
  if (to === weight.dataType) return weight;
  if (to !== 'float32' || weight.data.kind !== 'inline') return undefined;
  const values = floatBits(weight.dataType, weight.data.bytes);
  return (
    values && { dataType: 'float32', dims: weight.dims, data: { kind: 'inline', bytes: new Uint8Array(values.buffer) } }
  );
}

/** A matrix of float32 transposed. */
function turned(node: Node, weight: Tensor): Omit<Tensor, 'name'> | undefined {
  if (node.opType !== 'Transpose' || weight.dims.length !== 2) return undefined;
  if (weight.dataType !== 'float32' || weight.data.kind !== 'inline') return undefined;
  const perm = node.attributes.get('perm');
  if (perm?.kind === 'ints' && perm.value[0] === 0n) return weight;
  const [rows, columns] = weight.dims as [number, number];
  const from = new Uint32Array(weight.data.bytes.slice().buffer);
  const to = new Uint32Array(from.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) to[column * rows + row] = from[row * columns + column] ?? 0;
  return { dataType: 'float32', dims: [columns, rows], data: { kind: 'inline', bytes: new Uint8Array(to.buffer) } };
}
