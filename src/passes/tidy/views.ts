/**
 * Chains of Reshape and Transpose made as short as they can be: each chain moves the factors of its first shape into
 * an order of the last, so two Transposes are one or none. A value that a gate may replace ends a chain.
 */
import { present } from '../../errors/present';
import type { Node } from '../../onnx/model';
import { intsAttribute } from '../../onnx/shapes/OpCall';
import { ints } from '../attributes';
import { reshapeTarget } from '../clipSizes';
import type { GraphEditor } from '../GraphEditor';

const VIEWS = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity']);

/** Another shape for the same elements in the same order. */
export const isView = (node: Node): boolean => node.domain === '' && VIEWS.has(node.opType);

const isTranspose = (node: Node): boolean => node.domain === '' && node.opType === 'Transpose';

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i]);

/** Every view a Reshape to sizes that stand in the file, every chain as short as it can be. */
export function shortenViews(editor: GraphEditor): void {
  for (const node of editor.all) if (isView(node)) constantTarget(editor, node);
  for (const node of editor.all) {
    if (!editor.has(node) || !(isView(node) || isTranspose(node))) continue;
    const users = editor.users(present(node.outputs[0]));
    const ends = editor.isKept(present(node.outputs[0])) || users.some((user) => !isView(user) && !isTranspose(user));
    if (ends) shortenChain(editor, node);
  }
}

function constantTarget(editor: GraphEditor, node: Node): void {
  const [input] = node.inputs;
  const shape = editor.shape(present(node.outputs[0]));
  if (input === undefined || !shape || editor.shape(input) === undefined) return;
  const target = reshapeTarget(shape);
  if (!target || (node.opType === 'Reshape' && editor.weight(present(node.inputs[1])) && !hasZero(editor, node)))
    return;
  editor.replace(node, { opType: 'Reshape', inputs: [input, editor.addInts(target)] });
}

/** A 0 takes the size of the input's axis: it would mean another one after the input has changed. */
const hasZero = (editor: GraphEditor, node: Node): boolean =>
  editor.constant(present(node.inputs[1]))?.includes(0) ?? true;

/** A size of the first shape, or a factor of one. */
interface Factor {
  readonly size: number;
  /** Its place in the first shape, refined by later splits: digits compare as paths. */
  readonly path: readonly number[];
}

interface Moved {
  /** Sizes of the source, in its order, and where each goes; sizes of 1 and neighbours that stay neighbours are gone. */
  readonly sizes: readonly number[];
  readonly perm: readonly number[];
}

function shortenChain(editor: GraphEditor, end: Node): void {
  const output = present(end.outputs[0]);
  const outputShape = editor.shape(output);
  if (!outputShape) return;
  const chain: Node[] = [];
  let best: { readonly root: string; readonly moved: Moved; readonly saved: number } | undefined;
  let own = true; // what lies between here and the end is read by nothing else
  let [ownTransposes, ownNodes] = [0, 0];
  for (let node: Node | undefined = end; node && (isView(node) || isTranspose(node)); ) {
    const root: string = present(node.inputs[0]);
    chain.unshift(node);
    if (own) [ownTransposes, ownNodes] = [ownTransposes + (isTranspose(node) ? 1 : 0), ownNodes + 1];
    const moved = follow(editor, chain);
    if (!moved) break;
    const transposes = isIdentity(moved.perm) ? 0 : 1;
    const saved = 100 * (ownTransposes - transposes) + ownNodes - nodesFor(editor, root, moved, outputShape);
    if (saved > (best?.saved ?? 0) || (saved === best?.saved && saved > 0)) best = { root, moved, saved };
    const next: Node | undefined = editor.maker(root);
    if (editor.isKept(root)) break;
    if (next && !editor.isOnlyFor(root, node)) own = false;
    node = next;
  }
  if (best) rebuild(editor, output, outputShape, best.root, best.moved);
}

const isIdentity = (perm: readonly number[]): boolean => perm.every((place, i) => place === i);

function nodesFor(editor: GraphEditor, root: string, { sizes, perm }: Moved, outputShape: readonly number[]): number {
  const shape = present(editor.shape(root));
  if (isIdentity(perm)) return sameShape(shape, outputShape) ? 0 : 1;
  const between = perm.map((place) => present(sizes[place]));
  return 1 + (sameShape(shape, sizes) ? 0 : 1) + (sameShape(between, outputShape) ? 0 : 1);
}

function rebuild(editor: GraphEditor, output: string, shape: readonly number[], root: string, moved: Moved): void {
  const { sizes, perm } = moved;
  const between = perm.map((place) => present(sizes[place]));
  const targets = [sizes, between, shape].map(reshapeTarget);
  if (targets.some((target) => target === undefined)) return;
  const dataType = editor.dataType(root);
  const last = present(editor.maker(output));
  if (isIdentity(perm)) {
    if (sameShape(present(editor.shape(root)), shape)) editor.replaceValue(output, root);
    else editor.replace(last, { opType: 'Reshape', inputs: [root, editor.addInts(present(targets[2]))] });
    return;
  }
  const split = sameShape(present(editor.shape(root)), sizes)
    ? root
    : editor.add({ opType: 'Reshape', inputs: [root, editor.addInts(present(targets[0]))], shape: sizes, dataType });
  const transpose = { opType: 'Transpose', inputs: [split], attributes: { perm: ints(perm) } };
  if (sameShape(between, shape)) {
    editor.replace(last, transpose);
    return;
  }
  const turned = editor.add({ ...transpose, shape: between, dataType });
  editor.replace(last, { opType: 'Reshape', inputs: [turned, editor.addInts(present(targets[2]))] });
}

/** What a chain does to the factors of its first shape; undefined where a shape is unknown or splits a factor unevenly. */
function follow(editor: GraphEditor, chain: readonly Node[]): Moved | undefined {
  const start = editor.shape(present(present(chain[0]).inputs[0]));
  if (!start || start.includes(0)) return undefined;
  let axes: Factor[][] = start.map((size, axis) => [{ size, path: [axis] }]);
  for (const node of chain) {
    const shape = editor.shape(present(node.outputs[0]));
    if (!shape || shape.includes(0)) return undefined;
    const next = isTranspose(node) ? transposed(node, axes) : regrouped(axes.flat(), shape);
    if (!next) return undefined;
    axes = next;
  }
  return compact(axes.flat().filter(({ size }) => size !== 1));
}

function transposed(node: Node, axes: readonly Factor[][]): Factor[][] {
  const perm = intsAttribute(node, 'perm') ?? axes.map((_, i) => axes.length - 1 - i);
  return perm.map((axis) => present(axes[axis]));
}

function regrouped(factors: readonly Factor[], shape: readonly number[]): Factor[][] | undefined {
  const pending = factors.filter(({ size }) => size !== 1);
  const axes: Factor[][] = [];
  for (const size of shape) {
    const axis: Factor[] = [];
    let left = size;
    while (left > 1) {
      const factor = pending.shift();
      if (!factor) return undefined;
      if (left % factor.size === 0) {
        axis.push(factor);
        left /= factor.size;
      } else if (factor.size % left === 0) {
        axis.push({ size: left, path: [...factor.path, 0] });
        pending.unshift({ size: factor.size / left, path: [...factor.path, 1] });
        left = 1;
      } else return undefined;
    }
    axes.push(axis);
  }
  return pending.length === 0 ? axes : undefined;
}

/** Neighbours in the source that are neighbours in the result become one. */
function compact(result: readonly Factor[]): Moved {
  const source = result.toSorted((a, b) => comparePaths(a.path, b.path));
  const placeOf = new Map(source.map((factor, place) => [factor, place]));
  const runs: number[][] = [];
  for (const place of result.map((factor) => present(placeOf.get(factor)))) {
    const run = runs.at(-1);
    if (run && run.at(-1) === place - 1) run.push(place);
    else runs.push([place]);
  }
  const inSource = runs.toSorted((a, b) => present(a[0]) - present(b[0]));
  const sizes = inSource.map((run) => run.reduce((product, place) => product * present(source[place]).size, 1));
  return { sizes, perm: runs.map((run) => inSource.indexOf(run)) };
}

function comparePaths(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return present(a[i]) - present(b[i]);
  return a.length - b.length;
}
