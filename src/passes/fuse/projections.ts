/**
 * Products of one value with several matrices become one product with all of their columns, and a Split: queries, keys
 * and values of one input; keys and values that all blocks make of the text. Weights inside the file alone.
 */
import { present } from '../../errors/present';
import type { Node, Tensor } from '../../onnx/model';
import { int } from '../attributes';
import { perClip } from '../clipSizes';
import type { GraphEditor } from '../GraphEditor';

/** Of fewer products nothing is made: the Split copies what the product wrote. Returns how many products are gone. */
export function mergeProjections(editor: GraphEditor, fewest: number): number {
  if (editor.opset('') < 13) return 0;
  const readers = new Map<string, Node[]>();
  for (const node of editor.all) {
    const weight = node.opType === 'MatMul' && node.domain === '' ? matrixOf(editor, node) : undefined;
    if (!weight) continue;
    const key = `${present(node.inputs[0])}\0${weight.dims[0]}`;
    readers.set(key, [...(readers.get(key) ?? []), node]);
  }
  let gone = 0;
  for (const nodes of readers.values())
    for (let start = 0; start < nodes.length; start += most) {
      const together = nodes.slice(start, start + most);
      if (together.length < fewest) continue;
      merge(editor, together);
      gone += together.length - 1;
    }
  return gone;
}

/** A kernel of WebGPU may write so many values beside what it reads. */
const most = 7;

/** A float32 matrix in the file that this product alone reads. */
function matrixOf(editor: GraphEditor, node: Node): Tensor | undefined {
  const [x, name] = node.inputs as [string, string];
  const weight = editor.weight(name);
  const isOwn = weight?.dims.length === 2 && weight.dataType === 'float32' && weight.data.kind === 'inline';
  const shape = editor.shape(x);
  const width = shape?.at(-1);
  if (!isOwn || width === undefined || perClip(width) || (shape?.length ?? 0) < 2) return undefined;
  return editor.users(name).length === 1 ? weight : undefined;
}

function merge(editor: GraphEditor, nodes: readonly Node[]): void {
  const weights = nodes.map(({ inputs }) => present(editor.weight(present(inputs[1]))));
  const [x] = present(nodes[0]).inputs as [string];
  const widths = weights.map(({ dims }) => present(dims[1]));
  const outputs = nodes.map((node) => present(node.outputs[0]));
  for (const node of nodes) editor.remove(node);
  const columns = widths.reduce((sum, width) => sum + width, 0);
  const product = editor.add({
    opType: 'MatMul',
    inputs: [x, editor.addWeight(sideBySide(weights, columns))],
    shape: [...present(editor.shape(x)).slice(0, -1), columns],
    dataType: 'float32',
  });
  editor.add({
    opType: 'Split',
    inputs: [product, editor.addInts(widths)],
    output: present(outputs[0]),
    moreOutputs: outputs.slice(1),
    attributes: { axis: int(-1) },
    shape: editor.shape(present(outputs[0])),
    dataType: 'float32',
  });
}

function sideBySide(weights: readonly Tensor[], columns: number): Omit<Tensor, 'name'> {
  const rows = present(present(weights[0]).dims[0]);
  const bytes = new Uint8Array(4 * rows * columns);
  let start = 0;
  for (const { dims, data } of weights) {
    const width = 4 * present(dims[1]);
    const from = (data as { readonly bytes: Uint8Array }).bytes;
    for (let row = 0; row < rows; row++)
      bytes.set(from.subarray(row * width, (row + 1) * width), 4 * row * columns + start);
    start += width;
  }
  return { dataType: 'float32', dims: [rows, columns], data: { kind: 'inline', bytes } };
}
