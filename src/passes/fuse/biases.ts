/**
 * A product with a matrix and the bias added to it become one Gemm, over all rows at once: one pass over the values, and
 * on WebGPU one dispatch, in place of two. The views around it move nothing.
 */
import { present } from '../../errors/present';
import { elementCount } from '../../onnx/dataTypes';
import type { Node } from '../../onnx/model';
import { perClip, reshapeTarget } from '../clipSizes';
import type { GraphEditor } from '../GraphEditor';

/** Returns how many were fused. */
export function fuseBiases(editor: GraphEditor): number {
  let fused = 0;
  for (const node of editor.all)
    if (node.opType === 'Add' && node.domain === '' && editor.has(node) && fuseOne(editor, node)) fused++;
  return fused;
}

function fuseOne(editor: GraphEditor, add: Node): boolean {
  for (const [value, bias] of [add.inputs, add.inputs.toReversed()] as [string, string][]) {
    const product = editor.isOnlyFor(value, add) ? editor.maker(value) : undefined;
    if (product?.opType !== 'MatMul' || product.domain !== '') continue;
    const [x, matrix] = product.inputs as [string, string];
    const [from, to] = [editor.shape(x), editor.shape(value)];
    const [inner, columns] = editor.shape(matrix)?.length === 2 ? present(editor.shape(matrix)) : [];
    const isVector = editor.shape(bias)?.length === 1 && present(editor.shape(bias))[0] === columns;
    if (!from || !to || from.length < 2 || inner === undefined || columns === undefined || !isVector) continue;
    if (editor.dataType(x) !== 'float32' || perClip(inner) || perClip(columns) || !reshapeTarget(to)) continue;
    const rows = elementCount(from.slice(0, -1));
    if (!reshapeTarget([rows, inner])) continue;
    const flat = from.length === 2 ? x : reshaped(editor, x, [rows, inner]);
    if (from.length === 2) {
      editor.replace(add, { opType: 'Gemm', inputs: [flat, matrix, bias] });
      return true;
    }
    const shape = [rows, columns];
    const sum = editor.add({ opType: 'Gemm', inputs: [flat, matrix, bias], shape, dataType: 'float32' });
    editor.replace(add, { opType: 'Reshape', inputs: [sum, editor.addInts(present(reshapeTarget(to)))] });
    return true;
  }
  return false;
}

function reshaped(editor: GraphEditor, value: string, shape: readonly number[]): string {
  const inputs = [value, editor.addInts(present(reshapeTarget(shape)))];
  return editor.add({ opType: 'Reshape', inputs, shape, dataType: editor.dataType(value) });
}
