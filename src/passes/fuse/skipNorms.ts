/**
 * A sum and the layer normalisation that reads it become com.microsoft SkipLayerNormalization, with the bias of what is
 * added where there is one: one pass over the values in place of three. The sum stays there for whoever else reads it.
 */
import { present } from '../../errors/present';
import type { Node } from '../../onnx/model';
import { intAttribute } from '../../onnx/shapes/OpCall';
import { float } from '../attributes';
import type { GraphEditor } from '../GraphEditor';

/** Returns how many were fused. */
export function fuseSkipNorms(editor: GraphEditor): number {
  let fused = 0;
  for (const node of editor.all)
    if (node.opType === 'LayerNormalization' && node.domain === '' && editor.has(node) && fuseOne(editor, node))
      fused++;
  return fused;
}

function fuseOne(editor: GraphEditor, norm: Node): boolean {
  const [sum, scale, shift] = norm.inputs as [string, string, string?];
  const shape = editor.shape(sum);
  const add = editor.maker(sum);
  if (!shape || shape.length !== 3 || !isAdd(add) || editor.isKept(sum)) return false;
  const axis = intAttribute(norm, 'axis', -1);
  const isPlain = norm.outputs.length === 1 && (axis === -1 || axis === 2) && editor.dataType(sum) === 'float32';
  if (!isPlain || !present(add).inputs.every((name) => sameShape(editor.shape(name), shape))) return false;
  if (![scale, shift].every((name) => !name || editor.shape(name)?.length === 1)) return false;
  const { input, skip, bias } = operands(editor, present(add));
  const epsilon = norm.attributes.get('epsilon');
  const others = editor.users(sum).filter((user) => user !== norm);
  editor.remove(present(add));
  editor.remove(norm);
  editor.add({
    opType: 'SkipLayerNormalization',
    domain: 'com.microsoft',
    inputs:
      bias === undefined ? [input, skip, scale, ...(shift ? [shift] : [])] : [input, skip, scale, shift ?? '', bias],
    output: present(norm.outputs[0]),
    moreOutputs: others.length > 0 ? ['', '', sum] : [],
    attributes: { epsilon: epsilon ?? float(1e-5) },
    shape,
    dataType: 'float32',
  });
  return true;
}

const isAdd = (node: Node | undefined): boolean => node?.opType === 'Add' && node.domain === '';

const sameShape = (a: readonly number[] | undefined, b: readonly number[]): boolean =>
  a !== undefined && a.length === b.length && a.every((size, axis) => size === b[axis]);

interface Operands {
  readonly input: string;
  readonly skip: string;
  readonly bias: string | undefined;
}

/** A vector added to one of the two alone, before, is its bias. */
function operands(editor: GraphEditor, add: Node): Operands {
  for (const [one, other] of [add.inputs, add.inputs.toReversed()] as [string, string][]) {
    const before = editor.isOnlyFor(one, add) && one !== other ? editor.maker(one) : undefined;
    if (!isAdd(before)) continue;
    const bias = present(before).inputs.find((name) => editor.shape(name)?.length === 1);
    const input = present(before).inputs.find((name) => name !== bias);
    if (bias === undefined || input === undefined || !sameShape(editor.shape(input), present(editor.shape(one))))
      continue;
    editor.remove(present(before));
    return { input, skip: other, bias };
  }
  return { input: present(add.inputs[0]), skip: present(add.inputs[1]), bias: undefined };
}
