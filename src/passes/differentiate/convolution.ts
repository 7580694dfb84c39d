/**
 * The windows of one convolution at fixed sizes, and the gradients of its image and its weights. Weights get shifted slices
 * and one matrix product (several times faster than a convolution with batch and channels swapped); images a transposed
 * convolution in one and two dimensions, in three a sum over the taps, as no backend but the CPU transposes those.
 */
import { present } from '../../errors/present';
import { elementCount } from '../../onnx/dataTypes';
import type { Node } from '../../onnx/model';
import { intAttribute, intsAttribute, textAttribute } from '../../onnx/shapes/OpCall';
import type { GraphWriter } from './GraphWriter';
import { placed } from './rules/arrangement';

/** Per spatial axis. `image` and `out` are the sizes of what is convolved and of the result. */
export interface Windows {
  readonly image: readonly number[];
  readonly out: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly groups: number;
}

/** Of a Conv; of a ConvTranspose with image and result swapped (it is the gradient of that Conv). */
export function windowsOf(
  node: Node,
  image: readonly number[],
  out: readonly number[],
  kernel: readonly number[],
): Windows {
  const ones = new Array<number>(kernel.length).fill(1);
  const strides = intsAttribute(node, 'strides') ?? ones;
  const dilations = intsAttribute(node, 'dilations') ?? ones;
  const pads = intsAttribute(node, 'pads') ?? [...ones, ...ones].fill(0);
  const auto = textAttribute(node, 'auto_pad', 'NOTSET');
  const needed = kernel.map((size, i) =>
    Math.max(
      0,
      (present(out[i]) - 1) * present(strides[i]) + (size - 1) * present(dilations[i]) + 1 - present(image[i]),
    ),
  );
  const same = auto.startsWith('SAME');
  const lower = auto === 'SAME_LOWER';
  const before = kernel.map((_, i) =>
    same ? half(present(needed[i]), lower) : auto === 'VALID' ? 0 : present(pads[i]),
  );
  return {
    image,
    out,
    kernel,
    strides,
    dilations,
    before,
    after: kernel.map((_, i) =>
      same ? present(needed[i]) - present(before[i]) : auto === 'VALID' ? 0 : present(pads[i + kernel.length]),
    ),
    groups: intAttribute(node, 'group', 1),
  };
}

const half = (size: number, up: boolean): number => (up ? Math.ceil(size / 2) : Math.floor(size / 2));

export function windowAttributes({ kernel, strides, dilations, before, after, groups }: Windows) {
  return { kernel_shape: kernel, strides, dilations, pads: [...before, ...after], group: groups };
}

const product = (sizes: readonly number[]): number => elementCount(sizes);

/** Every combination of tap positions, the last axis fastest. */
function tapsOf(kernel: readonly number[]): readonly (readonly number[])[] {
  return kernel.reduce<readonly (readonly number[])[]>(
    (taps, size) => taps.flatMap((tap) => Array.from({ length: size }, (_, i) => [...tap, i])),
    [[]],
  );
}

/** [N, C, ...image] -> [C, N, ...image] with zeros around it. */
function channelsFirst(w: GraphWriter, x: string, { before, after }: Windows): string {
  const order = Array.from({ length: w.rank(x) }, (_, i) => (i < 2 ? 1 - i : i));
  return w.pad(w.transpose(x, order), [0, 0, ...before], [0, 0, ...after.map((size) => Math.max(0, size))]);
}

/** What each tap sees, [taps C, N out]: the columns of the matrix product that a convolution is. */
export function columns(w: GraphWriter, x: string, windows: Windows): string {
  const { kernel, strides, dilations, out } = windows;
  const padded = channelsFirst(w, x, windows);
  const [channels, batch] = w.shape(padded) as [number, number];
  const seen = tapsOf(kernel).map((tap) => {
    let part = padded;
    tap.forEach((at, i) => {
      const start = at * present(dilations[i]);
      part = w.slice(part, i + 2, start, start + (present(out[i]) - 1) * present(strides[i]) + 1, present(strides[i]));
    });
    return w.reshape(part, [channels, batch * product(out)]);
  });
  return w.concat(seen, 0);
}

/** The axis along which the kernel has more than one tap, where that is one alone and the others are untouched. */
function onlyAxis({ kernel, strides, before, after, image, out }: Windows): number | undefined {
  const axes = kernel.flatMap((size, i) => (size === 1 ? [] : [i]));
  const idle = (i: number) => strides[i] === 1 && before[i] === 0 && after[i] === 0 && image[i] === out[i];
  const [axis] = axes;
  return axes.length === 1 && kernel.every((_, i) => i === axis || idle(i)) && present(after[present(axis)]) >= 0
    ? axis
    : undefined;
}

/** Images of one kernel axis: each clip's product by itself, so that neither channels nor clips change places. */
function weightGradientAlong(w: GraphWriter, x: string, gradient: string, windows: Windows, axis: number): string {
  const { kernel, strides, dilations, before, after, out } = windows;
  const [batch, channels, ...image] = w.shape(x) as [number, number, ...number[]];
  const outputs = present(w.shape(gradient)[1]);
  const none = w.shape(x).map(() => 0);
  const padded = w.pad(x, none.with(axis + 2, present(before[axis])), none.with(axis + 2, present(after[axis])));
  const [inner, outer] = [image.slice(axis + 1), image.slice(0, axis)];
  const [taps, length] = [present(kernel[axis]), present(out[axis])];
  const rows = w.reshape(padded, [batch, channels, product(outer), present(w.shape(padded)[axis + 2]), product(inner)]);
  const places = Array.from({ length: taps }, (_, tap) =>
    Array.from({ length }, (_, o) => tap * present(dilations[axis]) + o * present(strides[axis])),
  );
  // [N, C, outer, taps, length, inner]
  const seen = w.gather(rows, w.reshape(w.ints(places.flat()), [taps, length]), 3);
  const byTap = w.transpose(seen, [0, 1, 3, 2, 4, 5]);
  const pixels = product(out);
  const sums = w.matMul(
    w.reshape(gradient, [batch, outputs, pixels]),
    w.swapLast(w.reshape(byTap, [batch, channels * taps, pixels])),
  );
  return w.reshape(w.reduceSum(sums, [0], false), [outputs, channels, ...kernel]);
}

/** With more images than this, one product over all of them costs less than adding up those of each. */
const mostProducts = 8;

/** The gradient of weights [Co, C, ...kernel] (one group). `gradient`: [N, Co, ...out]. */
export function weightGradient(w: GraphWriter, x: string, gradient: string, windows: Windows): string {
  const axis = onlyAxis(windows);
  if (axis !== undefined && present(w.shape(x)[0]) <= mostProducts)
    return weightGradientAlong(w, x, gradient, windows, axis);
  const order = Array.from({ length: w.rank(gradient) }, (_, i) => (i < 2 ? 1 - i : i));
  const outputs = present(w.shape(gradient)[1]);
  const channels = present(w.shape(x)[1]);
  const rows = w.reshape(w.transpose(gradient, order), [outputs, product(w.shape(gradient)) / outputs]);
  const sums = w.gemm(rows, columns(w, x, windows), false, true);
  const taps = product(windows.kernel);
  const byTap = w.transpose(w.reshape(sums, [outputs, taps, channels]), [0, 2, 1]);
  return w.reshape(byTap, [outputs, channels, ...windows.kernel]);
}

/** The gradient of the image [N, C, ...image] (one group). */
export function imageGradient(w: GraphWriter, weights: string, gradient: string, windows: Windows): string {
  const { image, out, kernel, strides, dilations, before, after } = windows;
  const [batch] = w.shape(gradient) as [number];
  const channels = present(w.shape(weights)[1]);
  if (kernel.length > 2) return imageGradientByTaps(w, weights, gradient, windows);
  const reached = out.map(
    (length, i) =>
      (length - 1) * present(strides[i]) +
      (present(kernel[i]) - 1) * present(dilations[i]) +
      1 -
      present(before[i]) -
      present(after[i]),
  );
  return present(
    w.emit(
      'ConvTranspose',
      [gradient, weights],
      [{ dataType: w.type(gradient).dataType, shape: [batch, channels, ...image] }],
      {
        attributes: {
          ...windowAttributes(windows),
          output_padding: image.map((length, i) => length - present(reached[i])),
        },
      },
    )[0],
  );
}

function imageGradientByTaps(w: GraphWriter, weights: string, gradient: string, windows: Windows): string {
  const { image, out, kernel, strides, dilations, before } = windows;
  const [outputs, channels] = w.shape(weights) as [number, number];
  const [batch] = w.shape(gradient) as [number];
  const taps = tapsOf(kernel);
  const byTap = w.reshape(w.transpose(w.reshape(weights, [outputs, channels, taps.length]), [2, 1, 0]), [
    taps.length * channels,
    outputs,
  ]);
  const parts = w.matMul(byTap, w.reshape(gradient, [batch, outputs, product(out)]));
  let sum: string | undefined;
  taps.forEach((tap, t) => {
    let part = w.reshape(w.slice(parts, 1, t * channels, (t + 1) * channels), [batch, channels, ...out]);
    tap.forEach((at, i) => {
      const length = present(image[i]);
      const offset = at * present(dilations[i]) - present(before[i]);
      const stride = present(strides[i]);
      const first = Math.max(0, Math.ceil(-offset / stride));
      const last = Math.min(present(out[i]) - 1, Math.floor((length - 1 - offset) / stride));
      const inside = w.slice(part, i + 2, first, Math.max(first, last + 1));
      part = placed(
        w,
        inside,
        i + 2,
        length,
        Math.max(0, offset + first * stride),
        stride,
        Math.max(0, last + 1 - first),
      );
    });
    sum = sum === undefined ? part : w.add(sum, part);
  });
  return present(sum);
}
