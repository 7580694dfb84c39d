/**
 * Normalisation by groups, which exporters write as an InstanceNormalization of [clips, groups, rest] without a scale of its
 * own, as LayerNormalization of the last axis. For WebGPU: there an InstanceNormalization is several dispatches, with a
 * Transpose before and after where channels come last.
 */
import { elementCount } from '../../onnx/dataTypes';
import type { Node } from '../../onnx/model';
import { tensorValues } from '../../onnx/tensorValues';
import { float, int } from '../attributes';
import { perClip } from '../clipSizes';
import type { GraphEditor } from '../GraphEditor';

/** Longer groups keep the operator: the scale of ones is as long. */
const longest = 2 ** 16;

/** Returns how many were rewritten. */
export function groupNormsAsLayers(editor: GraphEditor): number {
  if (editor.opset('') < 17) return 0;
  const ones = new Map<number, string>();
  let rewritten = 0;
  for (const node of editor.all)
    if (node.opType === 'InstanceNormalization' && node.domain === '' && rewrite(editor, node, ones)) rewritten++;
  return rewritten;
}

function rewrite(editor: GraphEditor, node: Node, ones: Map<number, string>): boolean {
  const [x, scale, shift] = node.inputs as [string, string, string];
  const shape = editor.shape(x);
  const length = shape?.[2];
  if (shape?.length !== 3 || length === undefined || perClip(length) || length > longest) return false;
  if (editor.dataType(x) !== 'float32' || !isAll(editor, scale, 1) || !isAll(editor, shift, 0)) return false;
  const known = ones.get(length) ?? editor.addWeight(filled(length, 1));
  ones.set(length, known);
  const attributes = { axis: int(-1), epsilon: node.attributes.get('epsilon') ?? float(1e-5) };
  editor.replace(node, { opType: 'LayerNormalization', inputs: [x, known], attributes });
  return true;
}

function isAll(editor: GraphEditor, name: string, wanted: number): boolean {
  const known = editor.constant(name);
  if (known) return known.every((value) => value === wanted);
  const weight = editor.weight(name);
  const values = weight && elementCount(weight.dims) <= longest ? tensorValues(weight) : undefined;
  return values !== undefined && (values as Float32Array).every((value) => value === wanted);
}

const filled = (length: number, value: number) =>
  ({
    dataType: 'float32',
    dims: [length],
    data: { kind: 'inline', bytes: new Uint8Array(new Float32Array(length).fill(value).buffer) },
  }) as const;
