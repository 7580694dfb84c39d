/**
 * Attention as exporters spell it out (scores, scale, mask, softmax, values) becomes com.microsoft MultiHeadAttention:
 * no matrix of scores in memory where the runtime has such a kernel, and no Transposes of heads. Where the heads lie
 * apart in another layout, views are added for `shortenViews` to cancel.
 */
import { present } from '../../errors/present';
import type { Node } from '../../onnx/model';
import { intAttribute } from '../../onnx/shapes/OpCall';
import { float, int, ints } from '../attributes';
import { CLIP, perClip, reshapeTarget } from '../clipSizes';
import type { GraphEditor } from '../GraphEditor';
import { isView } from '../tidy/views';

interface Attention {
  /** The product with the values. */
  readonly root: Node;
  /** [..., queries, size of a head]. */
  readonly query: string;
  readonly key: string;
  /** Keys are [..., size of a head, keys], else as queries. */
  readonly keyIsTurned: boolean;
  readonly value: string;
  readonly scale: number;
  /** Added to the scores. */
  readonly bias: string | undefined;
  /** Where all keys are masked by -Infinity, the result is 0 (torch's "safe softmax"), not NaN. */
  readonly isSafe: boolean;
}

type Operands = Pick<Attention, 'query' | 'key' | 'value' | 'keyIsTurned'>;

/** `batch`: clips in a call, for what it takes of memory. Returns how many were fused. */
export function fuseAttention(editor: GraphEditor, batch: number): number {
  let fused = 0;
  const masks = new Map<string, Mask>();
  for (const node of editor.all) {
    const found = editor.has(node) && product(node)?.isPlain ? match(editor, node) : undefined;
    if (found && write(editor, found, masks, batch)) fused++;
  }
  return fused;
}

const isOp = (node: Node | undefined, opType: string): boolean => node?.opType === opType && node.domain === '';

interface Product {
  readonly factor: number;
  readonly isTurned: boolean;
  /** a x b and nothing more. */
  readonly isPlain: boolean;
}

/** MatMul, or onnxruntime's FusedMatMul where it does not turn the first operand. */
function product(node: Node | undefined): Product | undefined {
  if (isOp(node, 'MatMul')) return { factor: 1, isTurned: false, isPlain: true };
  if (node?.opType !== 'FusedMatMul') return undefined;
  const flags = ['transA', 'transBatchA', 'transBatchB', 'transB'].map((name) => intAttribute(node, name, 0));
  if (flags.slice(0, 3).some((flag) => flag !== 0)) return undefined;
  const alpha = node.attributes.get('alpha');
  const factor = alpha?.kind === 'float' ? alpha.value : 1;
  return { factor, isTurned: flags[3] === 1, isPlain: flags[3] === 0 && factor === 1 };
}

function match(editor: GraphEditor, root: Node): Attention | undefined {
  const { softmax, isSafe } = softmaxBefore(editor, root) ?? {};
  if (!softmax) return undefined;
  const rank = editor.shape(present(softmax.outputs[0]))?.length;
  const axis = intAttribute(softmax, 'axis', -1);
  if (rank === undefined || (axis !== -1 && axis !== rank - 1)) return undefined;
  let scale = 1;
  let bias: string | undefined;
  let [value, user]: [string, Node] = [present(softmax.inputs[0]), softmax];
  for (let steps = 0; steps < 5; steps++) {
    const node = inner(editor, value, user);
    if (!node) return undefined;
    if (product(node))
      return operands(editor, node, { root, value: present(root.inputs[1]), scale, bias, isSafe: isSafe === true });
    const scaled = scaledOperand(editor, node);
    if (scaled) {
      scale *= scaled.factor;
      [value, user] = [scaled.value, node];
    } else if (isOp(node, 'Add') && bias === undefined && scale === 1) {
      const [a, b] = node.inputs as [string, string];
      const scores = leadsToProduct(editor, a) ? a : b;
      bias = scores === a ? b : a;
      [value, user] = [scores, node];
    } else return undefined;
  }
  return undefined;
}

/** The softmax that a product multiplies; between them may stand a Where that makes NaN 0. */
function softmaxBefore(
  editor: GraphEditor,
  root: Node,
): { readonly softmax: Node; readonly isSafe: boolean } | undefined {
  const node = inner(editor, present(root.inputs[0]), root);
  if (node && isOp(node, 'Softmax')) return { softmax: node, isSafe: false };
  if (!node || !isOp(node, 'Where')) return undefined;
  const [condition, zero, value] = node.inputs as [string, string, string];
  const [test, softmax] = [inner(editor, condition, node), editor.maker(value)];
  const isGuard =
    isOp(test, 'IsNaN') && test?.inputs[0] === value && editor.constant(zero)?.every((element) => element === 0);
  const ownReaders = editor.users(value).every((user) => user === node || user === test) && !editor.isKept(value);
  return isGuard && ownReaders && softmax && isOp(softmax, 'Softmax') ? { softmax, isSafe: true } : undefined;
}

/** The node that makes a value which only `user` reads. */
function inner(editor: GraphEditor, value: string, user: Node): Node | undefined {
  return editor.isOnlyFor(value, user) ? editor.maker(value) : undefined;
}

function leadsToProduct(editor: GraphEditor, value: string): boolean {
  const node = editor.maker(value);
  if (product(node)) return true;
  const scaled = node && scaledOperand(editor, node);
  return scaled !== undefined && product(editor.maker(scaled.value)) !== undefined;
}

/** x * c, c * x or x / c with one number c. */
function scaledOperand(
  editor: GraphEditor,
  node: Node,
): { readonly value: string; readonly factor: number } | undefined {
  if (!isOp(node, 'Mul') && !isOp(node, 'Div')) return undefined;
  const [a, b] = node.inputs as [string, string];
  const scalar = (name: string) => {
    const elements = editor.constant(name);
    return elements?.length === 1 ? elements[0] : undefined;
  };
  const right = scalar(b);
  if (right !== undefined) return { value: a, factor: node.opType === 'Mul' ? right : 1 / right };
  const left = node.opType === 'Mul' ? scalar(a) : undefined;
  return left === undefined ? undefined : { value: b, factor: left };
}

/** Scalings of queries and keys, before the product, belong to the scale. */
function operands(
  editor: GraphEditor,
  scores: Node,
  found: Omit<Attention, 'query' | 'key' | 'keyIsTurned'>,
): Attention {
  const { factor, isTurned } = present(product(scores));
  let scale = found.scale * factor;
  const unscaled = (name: string): string => {
    let value = name;
    for (let steps = 0; steps < 4 && !editor.isKept(value); steps++) {
      const node = editor.maker(value);
      const scaled = node && scaledOperand(editor, node);
      if (!scaled) break;
      scale *= scaled.factor;
      value = scaled.value;
    }
    return value;
  };
  const [query, key] = [unscaled(present(scores.inputs[0])), unscaled(present(scores.inputs[1]))];
  return { ...found, query, key, keyIsTurned: !isTurned, scale };
}

interface Heads {
  readonly clips: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly size: number;
  readonly valueSize: number;
}

function write(editor: GraphEditor, found: Attention, masks: Map<string, Mask>, batch: number): boolean {
  const spread = inHeads(editor, found);
  const sizes = spread && headsOf(editor, spread);
  if (!spread || !sizes) return false;
  const dataType = editor.dataType(spread.query);
  if (dataType !== 'float32' && dataType !== 'float16') return false;
  const { clips, heads, queries, keys, size, valueSize } = sizes;
  const between = [clips, queries, heads, valueSize];
  if ([[clips, queries, heads, size], [clips, keys, heads, size], between].some((s) => !reshapeTarget(s))) return false;
  const mask = found.bias === undefined ? undefined : maskFor(editor, found.bias, sizes, masks);
  if (found.bias !== undefined && (!mask || (found.isSafe && mask.closed === undefined))) return false;
  const query = joined(editor, spread.query, [0, 2, 1, 3], [clips, queries, heads * size]);
  const key = joined(editor, spread.key, found.keyIsTurned ? [0, 3, 1, 2] : [0, 2, 1, 3], [clips, keys, heads * size]);
  const value = joined(editor, spread.value, [0, 2, 1, 3], [clips, keys, heads * valueSize]);
  const shape = [clips, queries, heads * valueSize];
  let attended = attend(editor, { query, key, value, mask: mask?.finite, scale: found.scale }, sizes, batch);
  if (mask?.closed !== undefined && found.isSafe) {
    const zero = editor.addScalar(0, dataType);
    attended = editor.add({ opType: 'Where', inputs: [mask.closed, zero, attended], shape, dataType });
  }
  apart(editor, found.root, reshape(editor, attended, between));
  return true;
}

/** What scores may take at once: a kernel that does not know FlashAttention holds them all. */
const largestScoresBytes = 16 * 2 ** 20;
/** The CPU kernel counts its multiplications in an integer that has 32 bits on WebAssembly (onnxruntime 1.30). */
export const mostMultiplications = 2 ** 30;

interface Joined {
  /** [clips, length, heads x size] each. */
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly mask: string | undefined;
  readonly scale: number;
}

/** One operator, or one for each slice of the queries where the scores of all would take too much. */
function attend(editor: GraphEditor, { query, key, value, mask, scale }: Joined, sizes: Heads, batch: number): string {
  const { clips, heads, queries, keys, size, valueSize } = sizes;
  const dataType = editor.dataType(query);
  const rows = ((perClip(clips) ? (clips / CLIP) * batch : clips) * heads * keys * 4) / largestScoresBytes;
  const products = (2 * keys * Math.max(size, valueSize)) / mostMultiplications;
  const sliceCount = Math.ceil(queries * Math.max(rows, products));
  const length = Math.ceil(queries / sliceCount);
  const attributes = { num_heads: int(heads), scale: float(scale) };
  const one = (q: string, m: string | undefined, count: number): string => {
    const inputs = m === undefined ? [q, key, value] : [q, key, value, '', '', m];
    const shape = [clips, count, heads * valueSize];
    return editor.add({ opType: 'MultiHeadAttention', domain: 'com.microsoft', inputs, attributes, shape, dataType });
  };
  if (sliceCount <= 1) return one(query, mask, queries);
  const slices: string[] = [];
  for (let start = 0; start < queries; start += length) {
    const end = Math.min(queries, start + length);
    const rowsOf = (of: string, axis: number) => slice(editor, of, axis, start, end);
    slices.push(one(rowsOf(query, 1), mask === undefined ? undefined : rowsOf(mask, 2), end - start));
  }
  const shape = [clips, queries, heads * valueSize];
  return editor.add({ opType: 'Concat', inputs: slices, attributes: { axis: int(1) }, shape, dataType });
}

function slice(editor: GraphEditor, value: string, axis: number, start: number, end: number): string {
  const shape = present(editor.shape(value)).with(axis, end - start);
  const inputs = [value, editor.addInts([start]), editor.addInts([end]), editor.addInts([axis])];
  return editor.add({ opType: 'Slice', inputs, shape, dataType: editor.dataType(value) });
}

/** From [clips, queries, heads, size] to the layout that the graph goes on with. */
function apart(editor: GraphEditor, root: Node, attended: string): void {
  const [before, after] = [present(editor.shape(attended)), present(editor.shape(present(root.outputs[0])))];
  const turn = { opType: 'Transpose', inputs: [attended], attributes: { perm: ints([0, 2, 1, 3]) } };
  if (after.length === 4) {
    editor.replace(root, turn);
    return;
  }
  const shape = [present(before[0]), present(before[2]), present(before[1]), present(before[3])];
  const turned = editor.add({ ...turn, shape, dataType: editor.dataType(attended) });
  editor.replace(root, { opType: 'Reshape', inputs: [turned, editor.addInts(present(reshapeTarget(after)))] });
}

/** [clips, heads, ...] of each operand, where heads are folded into the batch: from the views that folded them, else as heads of one. */
function inHeads(editor: GraphEditor, { query, key, keyIsTurned, value, root }: Attention): Operands | undefined {
  const shapes = [query, key, value, present(root.outputs[0])].map((name) => editor.shape(name));
  if (shapes.some((shape) => !shape || shape.length !== shapes[0]?.length)) return undefined;
  if (present(shapes[0]).length === 4) return { query, key, value, keyIsTurned };
  if (present(shapes[0]).length !== 3 || shapes.some((shape) => present(shape)[0] !== present(shapes[0])[0]))
    return undefined;
  const folded = present(present(shapes[0])[0]);
  const heads = headsFolded(editor, query) ?? 1;
  if (folded % heads !== 0 || !reshapeTarget(present(shapes[3]))) return undefined;
  const spread = (name: string) =>
    reshape(editor, name, [folded / heads, heads, ...present(editor.shape(name)).slice(1)]);
  return { query: spread(query), key: spread(key), value: spread(value), keyIsTurned };
}

/** Where [clips, heads, queries, size] became [clips x heads, queries, size]: how many heads. */
function headsFolded(editor: GraphEditor, query: string): number | undefined {
  const shape = present(editor.shape(query));
  let node = editor.maker(query);
  for (let steps = 0; steps < 4 && node && isView(node); steps++) {
    const before = editor.shape(present(node.inputs[0]));
    if (before?.length === 4 && before[2] === shape[1] && before[3] === shape[2] && !perClip(present(before[1])))
      return before[1];
    node = editor.maker(present(node.inputs[0]));
  }
  return undefined;
}

function headsOf(editor: GraphEditor, { query, key, keyIsTurned, value }: Operands): Heads | undefined {
  const [q, k, v] = [query, key, value].map((name) => present(editor.shape(name))) as [number[], number[], number[]];
  const [clips, heads, queries, size] = q as [number, number, number, number];
  const [keys, depth] = keyIsTurned ? [present(k[3]), present(k[2])] : [present(k[2]), present(k[3])];
  const valueSize = present(v[3]);
  const fits = k[0] === clips && k[1] === heads && depth === size && v[0] === clips && v[1] === heads && v[2] === keys;
  if (!fits || [heads, queries, size, keys, valueSize].some((n) => perClip(n) || n === 0)) return undefined;
  return { clips, heads, queries, keys, size, valueSize };
}

/** A mask as the kernel takes it. */
interface Mask {
  /** [1 or clips, 1 or heads, queries, keys], without -Infinity, which kernels may make NaN of. */
  readonly finite: string;
  /** [1 or clips, queries, 1]: no key is open. Undefined where that differs from head to head. */
  readonly closed: string | undefined;
}

/** Below any score, and lost in nothing: adding a score to it changes nothing. */
const lowest = { float32: -1e30, float16: -6e4 } as const;

/**
 * The kernel takes 1 or all clips and heads, and every query: a mask of keys alone is spread over them. Blocks share
 * what is made of a mask. Undefined where it has another shape.
 */
function maskFor(editor: GraphEditor, bias: string, sizes: Heads, masks: Map<string, Mask>): Mask | undefined {
  const id = JSON.stringify([bias, sizes.queries, sizes.keys]);
  const known = masks.get(id);
  if (known) return known;
  const { clips, heads, queries, keys } = sizes;
  const shape = editor.shape(bias);
  const dataType = editor.dataType(bias);
  if (!shape || shape.length > 4 || shape.length < 2 || (dataType !== 'float32' && dataType !== 'float16'))
    return undefined;
  const full = [...new Array<number>(4 - shape.length).fill(1), ...shape];
  const [b, h, s, l] = full as [number, number, number, number];
  if ((b !== 1 && b !== clips) || (h !== 1 && h !== heads) || (s !== 1 && s !== queries) || l !== keys)
    return undefined;
  if (!reshapeTarget([b, queries, 1])) return undefined;
  const planar = shape.length === 4 ? bias : reshape(editor, bias, full);
  const wide = { shape: [b, h, queries, keys], dataType };
  const spread =
    s === queries
      ? planar
      : editor.add({ opType: 'Expand', inputs: [planar, editor.addInts([1, 1, queries, keys])], ...wide });
  const finite = editor.add({ opType: 'Max', inputs: [spread, editor.addScalar(lowest[dataType], dataType)], ...wide });
  const mask = { finite, closed: h === 1 ? closedRows(editor, spread, [b, queries, 1], dataType) : undefined };
  masks.set(id, mask);
  return mask;
}

function closedRows(
  editor: GraphEditor,
  bias: string,
  shape: readonly number[],
  dataType: 'float32' | 'float16',
): string {
  const rows = { shape: [present(shape[0]), 1, present(shape[1]), 1], dataType };
  const reduced =
    editor.opset('') >= 18
      ? editor.add({ opType: 'ReduceMax', inputs: [bias, editor.addInts([3])], ...rows })
      : editor.add({ opType: 'ReduceMax', inputs: [bias], attributes: { axes: ints([3]) }, ...rows });
  const least = editor.addScalar(dataType === 'float16' ? -65504 : -3.4028234663852886e38, dataType);
  return editor.add({ opType: 'Less', inputs: [reshape(editor, reduced, shape), least], shape, dataType: 'bool' });
}

/** Heads beside one another in the last axis. */
function joined(editor: GraphEditor, value: string, perm: readonly number[], shape: readonly number[]): string {
  const before = present(editor.shape(value));
  const turned = editor.add({
    opType: 'Transpose',
    inputs: [value],
    attributes: { perm: ints(perm) },
    shape: perm.map((axis) => present(before[axis])),
    dataType: editor.dataType(value),
  });
  return reshape(editor, turned, shape);
}

function reshape(editor: GraphEditor, value: string, shape: readonly number[]): string {
  const inputs = [value, editor.addInts(present(reshapeTarget(shape)))];
  return editor.add({ opType: 'Reshape', inputs, shape, dataType: editor.dataType(value) });
}
