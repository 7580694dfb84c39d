/**
 * Keys and values that are the same for every frame (the text's) are computed once per clip, not once per frame: the
 * frames' queries become further queries of the clip. For MultiHeadAttention without a mask.
 */
import { present } from '../../errors/present';
import type { Node } from '../../onnx/model';
import { intAttribute } from '../../onnx/shapes/OpCall';
import { perClip, reshapeTarget } from '../clipSizes';
import type { GraphEditor } from '../GraphEditor';
import { isView } from '../tidy/views';
import { mostMultiplications } from './attention';

/** A value whose rows are each `times` times those of `source`, one clip's after another's. */
interface Repeated {
  readonly source: string;
  readonly times: number;
}

/** Returns how many operators read shared keys and values afterwards. */
export function shareRepeatedKeys(editor: GraphEditor): number {
  const known = new Map<string, Repeated | undefined>();
  let shared = 0;
  for (const node of editor.all)
    if (node.opType === 'MultiHeadAttention' && node.domain === 'com.microsoft' && share(editor, node, known)) shared++;
  return shared;
}

function share(editor: GraphEditor, node: Node, known: Map<string, Repeated | undefined>): boolean {
  const [query, key, value, ...others] = node.inputs as [string, string, string, ...string[]];
  const [from, to] = [editor.shape(query), editor.shape(present(node.outputs[0]))];
  if (others.some((name) => name !== '') || from?.length !== 3 || to?.length !== 3) return false;
  const [keys, values] = [once(editor, key, known), once(editor, value, known)];
  if (!keys || !values || keys.times !== values.times || present(from[0]) % keys.times !== 0) return false;
  const clips = present(from[0]) / keys.times;
  const together = (shape: readonly number[]) => [clips, keys.times * present(shape[1]), present(shape[2])];
  if (
    [from, to].some(
      (shape) => perClip(present(shape[1])) || perClip(present(shape[2])) || !reshapeTarget(together(shape)),
    )
  )
    return false;
  if (!isWithinLimit(editor, node, keys, together(from))) return false;
  const dataType = editor.dataType(query);
  const inputs = [reshaped(editor, query, together(from)), keys.source, values.source];
  const attended = editor.add({
    opType: node.opType,
    domain: node.domain,
    inputs,
    attributes: Object.fromEntries(node.attributes),
    shape: together(to),
    dataType,
  });
  editor.replace(node, { opType: 'Reshape', inputs: [attended, editor.addInts(present(reshapeTarget(to)))] });
  return true;
}

/** What the CPU kernel counts in 32 bits on WebAssembly. */
function isWithinLimit(editor: GraphEditor, node: Node, keys: Repeated, query: readonly number[]): boolean {
  const size = present(query[2]) / intAttribute(node, 'num_heads', 1);
  return 2 * present(query[1]) * present(present(editor.shape(keys.source))[1]) * size <= mostMultiplications;
}

/** The same computed once: back through products with a matrix and biases to where the rows were repeated. */
function once(editor: GraphEditor, value: string, known: Map<string, Repeated | undefined>): Repeated | undefined {
  if (known.has(value)) return known.get(value);
  const found = editor.isKept(value) ? undefined : (unspread(editor, value) ?? rowwise(editor, value, known));
  known.set(value, found);
  return found;
}

/** [clips, 1, ...] expanded to [clips, times, ...] and joined to [clips times, ...]. */
function unspread(editor: GraphEditor, value: string): Repeated | undefined {
  const join = editor.maker(value);
  const spread = join && isView(join) ? editor.maker(present(join.inputs[0])) : undefined;
  if (spread?.opType !== 'Expand' || spread.domain !== '' || editor.isKept(present(spread.outputs[0])))
    return undefined;
  const [from, wide, to] = [present(spread.inputs[0]), present(spread.outputs[0]), value].map((name) =>
    editor.shape(name),
  );
  if (!from || !wide || !to || from.length !== wide.length || to.length !== wide.length - 1) return undefined;
  const times = present(wide[1]);
  const isRepeat =
    from[1] === 1 &&
    !perClip(times) &&
    from.every((size, axis) => axis === 1 || size === wide[axis]) &&
    to.every((size, axis) => size === (axis === 0 ? present(wide[0]) * times : wide[axis + 1]));
  const shape = from.toSpliced(1, 1);
  if (!isRepeat || times === 1 || !reshapeTarget(shape)) return undefined;
  return { source: reshaped(editor, present(spread.inputs[0]), shape), times };
}

/** A product with a matrix, or a bias added: row by row, so the same before the repeat. */
function rowwise(editor: GraphEditor, value: string, known: Map<string, Repeated | undefined>): Repeated | undefined {
  const node = editor.maker(value);
  const shape = editor.shape(value);
  if (!node || node.domain !== '' || !shape || (node.opType !== 'MatMul' && node.opType !== 'Add')) return undefined;
  const rank = (name: string) => editor.shape(name)?.length;
  const isProduct = node.opType === 'MatMul';
  const rows = isProduct || rank(present(node.inputs[1])) === 1 ? 0 : 1;
  const [x, operand] = [present(node.inputs[rows]), present(node.inputs[1 - rows])];
  if (rank(operand) !== (isProduct ? 2 : 1) || rank(x) !== shape.length) return undefined;
  const before = once(editor, x, known);
  if (!before) return undefined;
  const source = editor.add({
    opType: node.opType,
    inputs: isProduct || rows === 0 ? [before.source, operand] : [operand, before.source],
    shape: [...present(editor.shape(before.source)).slice(0, -1), present(shape.at(-1))],
    dataType: editor.dataType(value),
  });
  return { source, times: before.times };
}

function reshaped(editor: GraphEditor, value: string, shape: readonly number[]): string {
  const before = editor.shape(value);
  if (before?.length === shape.length && before.every((size, axis) => size === shape[axis])) return value;
  const inputs = [value, editor.addInts(present(reshapeTarget(shape)))];
  return editor.add({ opType: 'Reshape', inputs, shape, dataType: editor.dataType(value) });
}
