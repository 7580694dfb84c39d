/**
 * Convolutions at their bound sizes in the cheapest form that does the same: on an image hardly larger than the kernel
 * as one matrix product (a 3x3 kernel on 1x1 is its middle), and a kernel that is flat along an axis in one dimension
 * less. Transposed convolutions and those with groups are left alone, but for the last.
 */
import { present } from '../../errors/present';
import { elementCount } from '../../onnx/dataTypes';
import type { Node, Tensor } from '../../onnx/model';
import { intAttribute, intsAttribute, textAttribute } from '../../onnx/shapes/OpCall';
import { int, ints } from '../attributes';
import { perClip, reshapeTarget } from '../clipSizes';
import type { GraphEditor } from '../GraphEditor';
import { floatBits } from './floats';

interface Convolution {
  readonly node: Node;
  readonly input: string;
  readonly weight: string;
  readonly bias: string;
  /** Of input and output: images, channels, then space. */
  readonly from: readonly number[];
  readonly to: readonly number[];
  /** Output channels, input channels of a group, then the kernel. */
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** At the start of each axis, then at the end. */
  readonly pads: readonly number[];
  readonly group: number;
}

/** Bytes of rewritten weights come off `budgetBytes`. Returns what is left. */
export function tidyConvolutions(editor: GraphEditor, budgetBytes: number): number {
  let left = budgetBytes;
  for (const node of editor.all) {
    const convolution = node.opType === 'Conv' && node.domain === '' ? readConvolution(editor, node) : undefined;
    if (!convolution) continue;
    const spent = asProduct(editor, convolution, left);
    if (spent > 0) left -= spent;
    else flatten(editor, convolution);
  }
  return left;
}

function readConvolution(editor: GraphEditor, node: Node): Convolution | undefined {
  const [input, weight, bias] = [present(node.inputs[0]), present(node.inputs[1]), node.inputs[2] ?? ''];
  const [from, to, kernel] = [input, present(node.outputs[0]), weight].map((value) => editor.shape(value));
  if (!from || !to || !kernel || kernel.some(perClip) || from.length < 3) return undefined;
  if (textAttribute(node, 'auto_pad', 'NOTSET') !== 'NOTSET') return undefined;
  const space = from.length - 2;
  const each = (name: string, otherwise: number, count = space) =>
    intsAttribute(node, name) ?? new Array<number>(count).fill(otherwise);
  return {
    node,
    input,
    weight,
    bias,
    from,
    to,
    kernel,
    strides: each('strides', 1),
    dilations: each('dilations', 1),
    pads: each('pads', 0, 2 * space),
    group: intAttribute(node, 'group', 1),
  };
}

/** A product costs so much of the convolution's multiplications at most: it has better kernels, yet more weights. */
const worthwhile = 0.6;

/** Bytes of the new weight; 0 where it stays a convolution. */
function asProduct(editor: GraphEditor, convolution: Convolution, budgetBytes: number): number {
  const { node, input, bias, from, to, kernel, group } = convolution;
  const [inner, outer] = [elementCount(from.slice(2)), elementCount(to.slice(2))];
  if (group !== 1 || [...from.slice(1), ...to.slice(1)].some(perClip)) return 0;
  const taps = elementCount(kernel.slice(2));
  if (taps === 1 ? inner > 1 : inner > taps * worthwhile) return 0;
  const [rows, columns] = [present(from[1]) * inner, present(to[1]) * outer];
  const lengthBytes = 4 * rows * columns;
  const weight = editor.weight(convolution.weight);
  const values = weight && lengthBytes <= budgetBytes ? floatsOf(weight) : undefined;
  if (!values || editor.dataType(input) !== 'float32') return 0;
  const dense = editor.addWeight(floats([rows, columns], denseWeight(convolution, values)));
  const inputs = [flat(editor, input, [present(from[0]), rows]), dense];
  const biases = bias === '' ? undefined : editor.weight(bias);
  const each = biases && floatsOf(biases);
  if (bias !== '' && outer > 1 && !each) return 0;
  if (bias !== '' && (outer === 1 || each))
    inputs.push(
      outer === 1
        ? bias
        : editor.addWeight(
            floats(
              [columns],
              Float32Array.from({ length: columns }, (_, i) => present(present(each)[Math.floor(i / outer)])),
            ),
          ),
    );
  const shape = [present(from[0]), columns];
  const product =
    inputs.length === 3
      ? editor.add({ opType: 'Gemm', inputs, shape, dataType: 'float32' })
      : editor.add({ opType: 'MatMul', inputs, shape, dataType: 'float32' });
  editor.replace(node, { opType: 'Reshape', inputs: [product, editor.addInts(present(reshapeTarget(to)))] });
  return lengthBytes;
}

const floatsOf = ({ dataType, data }: Tensor): Float32Array<ArrayBuffer> | undefined =>
  data.kind === 'inline' ? floatBits(dataType, data.bytes) : undefined;

const floats = (dims: readonly number[], values: Float32Array<ArrayBuffer>): Omit<Tensor, 'name'> => ({
  dataType: 'float32',
  dims,
  data: { kind: 'inline', bytes: new Uint8Array(values.buffer) },
});

function flat(editor: GraphEditor, value: string, shape: readonly number[]): string {
  const target = present(reshapeTarget(shape));
  return editor.add({
    opType: 'Reshape',
    inputs: [value, editor.addInts(target)],
    shape,
    dataType: editor.dataType(value),
  });
}

/** [input channel and place] x [output channel and place]: 0 where the kernel does not reach. */
function denseWeight(
  { from, to, kernel, strides, dilations, pads }: Convolution,
  values: Float32Array,
): Float32Array<ArrayBuffer> {
  const [inSpace, outSpace, taps] = [from.slice(2), to.slice(2), kernel.slice(2)];
  const [inner, outer, tapCount] = [inSpace, outSpace, taps].map(elementCount) as [number, number, number];
  const [inChannels, outChannels] = [present(from[1]), present(to[1])];
  const columns = outChannels * outer;
  const dense = new Float32Array(inChannels * inner * columns);
  for (let place = 0; place < outer; place++) {
    const at = coordinates(place, outSpace);
    for (let tap = 0; tap < tapCount; tap++) {
      const source = coordinates(tap, taps).map(
        (t, axis) => present(at[axis]) * present(strides[axis]) - present(pads[axis]) + t * present(dilations[axis]),
      );
      if (source.some((x, axis) => x < 0 || x >= present(inSpace[axis]))) continue;
      const from0 = source.reduce((index, x, axis) => index * present(inSpace[axis]) + x, 0);
      for (let output = 0; output < outChannels; output++)
        for (let input = 0; input < inChannels; input++)
          dense[(input * inner + from0) * columns + output * outer + place] = present(
            values[(output * inChannels + input) * tapCount + tap],
          );
    }
  }
  return dense;
}

function coordinates(index: number, sizes: readonly number[]): number[] {
  const result: number[] = [];
  let rest = index;
  for (const size of sizes.toReversed()) {
    result.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return result;
}

/** Three dimensions in two where the kernel is flat along time, or along both axes of the image. */
function flatten(editor: GraphEditor, convolution: Convolution): void {
  const { from, kernel, strides, pads } = convolution;
  if (from.length !== 5 || convolution.dilations.some((step) => step !== 1)) return;
  const idle = (axis: number) =>
    kernel[axis + 2] === 1 && strides[axis] === 1 && pads[axis] === 0 && pads[axis + 3] === 0;
  if (idle(1) && idle(2)) alongTime(editor, convolution);
  else if (idle(0)) perFrame(editor, convolution);
}

/** [clips, channels, frames, height x width]: no value moves. */
function alongTime(editor: GraphEditor, convolution: Convolution): void {
  const { node, input, from, to, kernel, strides, pads } = convolution;
  const pixels = present(from[3]) * present(from[4]);
  const shapes = [
    [present(from[0]), present(from[1]), present(from[2]), pixels],
    [present(to[0]), present(to[1]), present(to[2]), pixels],
  ] as const;
  const weight = reshaped(editor, convolution.weight, [present(kernel[0]), present(kernel[1]), present(kernel[2]), 1]);
  if (weight === undefined || shapes.some((shape) => !reshapeTarget(shape)) || !reshapeTarget(to)) return;
  const plane = planar(
    convolution,
    [present(kernel[2]), 1],
    [present(strides[0]), 1],
    [present(pads[0]), 0, present(pads[3]), 0],
  );
  const inputs = [flat(editor, input, shapes[0]), weight, ...node.inputs.slice(2)];
  const result = editor.add({
    opType: 'Conv',
    inputs,
    attributes: plane,
    shape: shapes[1],
    dataType: editor.dataType(input),
  });
  editor.replace(node, { opType: 'Reshape', inputs: [result, editor.addInts(present(reshapeTarget(to)))] });
}

/** [clips x frames, channels, height, width]: the Transposes cancel with those of the layers around, where these are per frame too. */
function perFrame(editor: GraphEditor, convolution: Convolution): void {
  const { node, input, from, to, kernel, strides, pads } = convolution;
  const weight = reshaped(editor, convolution.weight, [
    present(kernel[0]),
    present(kernel[1]),
    present(kernel[3]),
    present(kernel[4]),
  ]);
  const frames = (sizes: readonly number[]) => [
    present(sizes[0]),
    present(sizes[2]),
    present(sizes[1]),
    present(sizes[3]),
    present(sizes[4]),
  ];
  const folded = (sizes: readonly number[]) => [
    present(sizes[0]) * present(sizes[2]),
    present(sizes[1]),
    present(sizes[3]),
    present(sizes[4]),
  ];
  if (
    weight === undefined ||
    [from, to].some((sizes) => !reshapeTarget(frames(sizes)) || !reshapeTarget(folded(sizes)))
  )
    return;
  const dataType = editor.dataType(input);
  const swap = { perm: ints([0, 2, 1, 3, 4]) };
  const turned = editor.add({ opType: 'Transpose', inputs: [input], attributes: swap, shape: frames(from), dataType });
  const plane = planar(convolution, kernel.slice(3), strides.slice(1), [...pads.slice(1, 3), ...pads.slice(4, 6)]);
  const inputs = [flat(editor, turned, folded(from)), weight, ...node.inputs.slice(2)];
  const result = editor.add({ opType: 'Conv', inputs, attributes: plane, shape: folded(to), dataType });
  editor.replace(node, { opType: 'Transpose', inputs: [flat(editor, result, frames(to))], attributes: swap });
}

function planar(
  { group }: Convolution,
  kernel: readonly number[],
  strides: readonly number[],
  pads: readonly number[],
) {
  return {
    kernel_shape: ints(kernel),
    strides: ints(strides),
    pads: ints(pads),
    dilations: ints([1, 1]),
    group: int(group),
  };
}

/** A view of a weight; of what is computed from weights, a Reshape, which the runtime folds. Undefined for what an input reaches. */
function reshaped(editor: GraphEditor, value: string, dims: readonly number[]): string | undefined {
  const weight = editor.weight(value);
  return weight ? editor.addWeight({ ...weight, dims }) : undefined;
}
