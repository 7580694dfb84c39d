/** A weight stored in 8 bits as the float32 numbers that it stands for. Blocks of several numbers a scale are left to the runtime. */
import { elementCount } from '../../onnx/dataTypes';
import type { Node, Tensor } from '../../onnx/model';
import { intAttribute } from '../../onnx/shapes/OpCall';
import { tensorValues } from '../../onnx/tensorValues';
import type { GraphEditor } from '../GraphEditor';

/** (weight - zero point) * scale; the scale is one number, or one for each index of an axis. */
export function dequantised(
  editor: Pick<GraphEditor, 'weight'>,
  node: Node,
  weight: Tensor,
): Omit<Tensor, 'name'> | undefined {
  const [, scaleName = '', zeroName = ''] = node.inputs;
  const scaleTensor = editor.weight(scaleName);
  const zeroTensor = zeroName === '' ? undefined : editor.weight(zeroName);
  const isByte = weight.dataType === 'int8' || weight.dataType === 'uint8';
  if (!isByte || scaleTensor?.dataType !== 'float32' || (zeroName !== '' && !zeroTensor)) return undefined;
  if (intAttribute(node, 'block_size', 0) !== 0) return undefined;
  const stored = tensorValues(weight) as Int8Array | Uint8Array | undefined;
  const scales = tensorValues(scaleTensor) as Float32Array | undefined;
  const zeros = zeroTensor && (tensorValues(zeroTensor) as Int8Array | Uint8Array | undefined);
  if (!stored || !scales || (zeroTensor && zeros?.length !== scales.length)) return undefined;
  const { dims } = weight;
  const axis = (intAttribute(node, 'axis', 1) + dims.length) % Math.max(1, dims.length);
  if (scales.length !== 1 && scales.length !== dims[axis]) return undefined;
  const inner = scales.length === 1 ? stored.length : elementCount(dims.slice(axis + 1));
  const values = new Float32Array(stored.length);
  stored.forEach((value, i) => {
    const channel = Math.floor(i / inner) % scales.length;
    values[i] = (value - (zeros?.[channel] ?? 0)) * (scales[channel] ?? 0);
  });
  return { dataType: 'float32', dims, data: { kind: 'inline', bytes: new Uint8Array(values.buffer) } };
}
