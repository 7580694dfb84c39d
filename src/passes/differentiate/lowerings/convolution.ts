/**
 * Convolutions in their cheapest form at the given sizes: taps that see nothing but padding go; kernels (k,1,1) and (1,k,k)
 * become flat ones; pointwise ones, patches and tiny images become matrix products; groups are taken apart.
 */
import { present } from '../../../errors/present';
import { elementCount } from '../../../onnx/dataTypes';
import { type Windows, windowAttributes, windowsOf } from '../convolution';
import type { GraphWriter } from '../GraphWriter';
import type { LoweringCall, Lowerings } from '../Rule';

const product = (sizes: readonly number[]): number => elementCount(sizes);
const all = (sizes: readonly number[], value: number): boolean => sizes.every((size) => size === value);
const range = (length: number): readonly number[] => Array.from({ length }, (_, i) => i);

/** Images of no more pixels are multiplied as a whole. */
const maxDensePixels = 4;
/** Below this many pixels a product per image is slower than one over all pixels, transposes included. */
const minPixelsPerProduct = 16;

function convolution({ w, node, inputs: [x, weights, bias] }: LoweringCall): boolean {
  const [output] = node.outputs as [string];
  const windows = windowsOf(
    node,
    w.shape(present(x)).slice(2),
    w.shape(output).slice(2),
    w.shape(present(weights)).slice(2),
  );
  const { groups } = windows;
  let result: string;
  if (groups === 1) result = convolve(w, present(x), present(weights), windows);
  else {
    const [channels, outputs] = [
      present(w.shape(present(x))[1]) / groups,
      present(w.shape(present(weights))[0]) / groups,
    ];
    const parts = range(groups).map((g) =>
      convolve(
        w,
        w.slice(present(x), 1, g * channels, (g + 1) * channels),
        w.slice(present(weights), 0, g * outputs, (g + 1) * outputs),
        { ...windows, groups: 1 },
      ),
    );
    result = w.concat(parts, 1);
  }
  if (bias) w.add(result, w.reshape(bias, [present(w.shape(bias)[0]), ...all1(windows)]), output);
  else w.emit('Identity', [result], [w.type(output)], { as: output });
  return true;
}

const all1 = ({ kernel }: Windows): readonly number[] => kernel.map(() => 1);

/** [N, C, ...image] * [Co, C, ...kernel] -> [N, Co, ...out], without a bias. */
function convolve(w: GraphWriter, x: string, given: string, whole: Windows): string {
  const { weights, windows } = cropped(w, given, whole);
  const { kernel, strides, before, after } = windows;
  const unpadded = all([...before, ...after], 0);
  if (all(kernel, 1) && all(strides, 1) && unpadded) return pointwise(w, x, weights);
  if (product(windows.image) <= maxDensePixels && product(windows.out) <= maxDensePixels)
    return dense(w, x, weights, windows);
  if (
    unpadded &&
    all(windows.dilations, 1) &&
    kernel.every((size, i) => size === strides[i] && present(windows.out[i]) * size === windows.image[i])
  )
    return patches(w, x, weights, windows);
  if (kernel.length === 3) {
    const flat = alongTime(w, x, weights, windows) ?? withinFrames(w, x, weights, windows);
    if (flat !== undefined) return flat;
  }
  return plain(w, x, weights, windows);
}

const plain = (w: GraphWriter, x: string, weights: string, windows: Windows): string =>
  present(
    w.emit(
      'Conv',
      [x, weights],
      [{ dataType: w.type(x).dataType, shape: [present(w.shape(x)[0]), present(w.shape(weights)[0]), ...windows.out] }],
      { attributes: windowAttributes(windows) },
    )[0],
  );

/** Without taps that see padding only; there are always some left along each axis. */
function cropped(w: GraphWriter, weights: string, windows: Windows): { weights: string; windows: Windows } {
  let result = weights;
  const crop = windows.kernel.map((size, i) => {
    const { image, out, strides, dilations, before } = windows;
    const seen = range(size).filter((tap) =>
      range(present(out[i])).some((o) => {
        const at = o * present(strides[i]) + tap * present(dilations[i]) - present(before[i]);
        return at >= 0 && at < present(image[i]);
      }),
    );
    const [first, last] = [seen[0] ?? 0, seen.at(-1) ?? size - 1];
    result = w.slice(result, i + 2, first, last + 1);
    return { first, last, size };
  });
  if (crop.every(({ first, last, size }) => first === 0 && last === size - 1)) return { weights, windows };
  const kernel = crop.map(({ first, last }) => last - first + 1);
  const before = windows.before.map((pad, i) => pad - present(crop[i]).first * present(windows.dilations[i]));
  const after = windows.after.map(
    (pad, i) => pad - (present(crop[i]).size - 1 - present(crop[i]).last) * present(windows.dilations[i]),
  );
  if ([...before, ...after].some((pad) => pad < 0)) return { weights, windows };
  return { weights: result, windows: { ...windows, kernel, before, after } };
}

function pointwise(w: GraphWriter, x: string, weights: string): string {
  const [batch, channels, ...image] = w.shape(x) as [number, number, ...number[]];
  const outputs = present(w.shape(weights)[0]);
  const matrix = w.reshape(weights, [outputs, channels]);
  const pixels = product(image);
  if (pixels >= minPixelsPerProduct)
    return w.reshape(w.matMul(matrix, w.reshape(x, [batch, channels, pixels])), [batch, outputs, ...image]);
  const rows = w.reshape(w.transpose(w.reshape(x, [batch, channels, pixels]), [0, 2, 1]), [batch * pixels, channels]);
  const result = w.reshape(w.gemm(rows, matrix, false, true), [batch, pixels, outputs]);
  return w.reshape(w.transpose(result, [0, 2, 1]), [batch, outputs, ...image]);
}

/** For each result one matrix [image C, Co] of the weights: all of the image times it. */
function dense(w: GraphWriter, x: string, weights: string, windows: Windows): string {
  const [batch, channels] = w.shape(x) as [number, number];
  const outputs = present(w.shape(weights)[0]);
  const [pixels, results, taps] = [product(windows.image), product(windows.out), product(windows.kernel)];
  const table = range(results).flatMap((o) => range(pixels).map((p) => tapBetween(windows, o, p) ?? taps));
  const byTap = w.transpose(w.reshape(weights, [outputs, channels, taps]), [2, 1, 0]);
  const source = table.includes(taps) ? w.pad(byTap, [0, 0, 0], [1, 0, 0]) : byTap;
  const matrices = w.reshape(w.gather(source, w.ints(table), 0), [results, pixels * channels, outputs]);
  const rows = w.transpose(w.reshape(x, [batch, channels, pixels]), [0, 2, 1]);
  const result = w.matMul(w.reshape(rows, [1, batch, pixels * channels]), matrices);
  return w.reshape(w.transpose(result, [1, 2, 0]), [batch, outputs, ...windows.out]);
}

/** The tap through which result `o` sees pixel `p`; undefined where it does not. */
function tapBetween(windows: Windows, o: number, p: number): number | undefined {
  const place = (flat: number, sizes: readonly number[]): readonly number[] => {
    let rest = flat;
    return sizes
      .toReversed()
      .map((size) => {
        const at = rest % size;
        rest = (rest - at) / size;
        return at;
      })
      .toReversed();
  };
  const [outAt, imageAt] = [place(o, windows.out), place(p, windows.image)];
  let tap = 0;
  for (const [i, size] of windows.kernel.entries()) {
    const at =
      (present(imageAt[i]) + present(windows.before[i]) - present(outAt[i]) * present(windows.strides[i])) /
      present(windows.dilations[i]);
    if (!Number.isInteger(at) || at < 0 || at >= size) return undefined;
    tap = tap * size + at;
  }
  return tap;
}

/** Windows that do not overlap: [N, ...out, C kernel] times the weights. */
function patches(w: GraphWriter, x: string, weights: string, { kernel, out }: Windows): string {
  const [batch, channels] = w.shape(x) as [number, number];
  const outputs = present(w.shape(weights)[0]);
  const apart = w.reshape(x, [batch, channels, ...out.flatMap((length, i) => [length, present(kernel[i])])]);
  const order = [0, ...out.map((_, i) => 2 + 2 * i), 1, ...out.map((_, i) => 3 + 2 * i)];
  const size = channels * product(kernel);
  const rows = w.reshape(w.transpose(apart, order), [batch * product(out), size]);
  const result = w.reshape(w.gemm(rows, w.reshape(weights, [outputs, size]), false, true), [batch, ...out, outputs]);
  return w.transpose(result, [0, out.length + 1, ...out.map((_, i) => i + 1)]);
}

/** Kernel (k,1,1): pixels of a frame are a row of an image whose other axis is time. */
function alongTime(w: GraphWriter, x: string, weights: string, windows: Windows): string | undefined {
  const { kernel, strides, before, after, dilations, image, out } = windows;
  const still = [1, 2].every((i) => kernel[i] === 1 && strides[i] === 1 && before[i] === 0 && after[i] === 0);
  if (!still) return undefined;
  const [batch, channels] = w.shape(x) as [number, number];
  const outputs = present(w.shape(weights)[0]);
  const pixels = present(image[1]) * present(image[2]);
  const flat: Windows = {
    ...windows,
    image: [present(image[0]), pixels],
    out: [present(out[0]), pixels],
    kernel: [present(kernel[0]), 1],
    strides: [present(strides[0]), 1],
    dilations: [present(dilations[0]), 1],
    before: [present(before[0]), 0],
    after: [present(after[0]), 0],
  };
  const result = plain(
    w,
    w.reshape(x, [batch, channels, present(image[0]), pixels]),
    w.reshape(weights, [outputs, channels, present(kernel[0]), 1]),
    flat,
  );
  return w.reshape(result, [batch, outputs, ...out]);
}

/** Kernel (1,k,k): frames are a batch of images. */
function withinFrames(w: GraphWriter, x: string, weights: string, windows: Windows): string | undefined {
  const { kernel, strides, before, after, image, out } = windows;
  if (kernel[0] !== 1 || strides[0] !== 1 || before[0] !== 0 || after[0] !== 0) return undefined;
  const [batch, channels] = w.shape(x) as [number, number];
  const outputs = present(w.shape(weights)[0]);
  const frames = w.reshape(w.transpose(x, [0, 2, 1, 3, 4]), [
    batch * present(image[0]),
    channels,
    present(image[1]),
    present(image[2]),
  ]);
  const inFrame = (sizes: readonly number[]) => sizes.slice(1);
  const result = convolve(w, frames, w.reshape(weights, [outputs, channels, present(kernel[1]), present(kernel[2])]), {
    image: inFrame(image),
    out: inFrame(out),
    kernel: inFrame(kernel),
    strides: inFrame(strides),
    dilations: inFrame(windows.dilations),
    before: inFrame(before),
    after: inFrame(after),
    groups: 1,
  });
  return w.transpose(
    w.reshape(result, [batch, present(image[0]), outputs, present(out[1]), present(out[2])]),
    [0, 2, 1, 3, 4],
  );
}

/** Groups are taken apart; one group stays as it is. */
function transposedConvolution({ w, node, inputs: [x, weights, bias] }: LoweringCall): boolean {
  const [output] = node.outputs as [string];
  const windows = windowsOf(
    node,
    w.shape(output).slice(2),
    w.shape(present(x)).slice(2),
    w.shape(present(weights)).slice(2),
  );
  const { groups } = windows;
  if (groups === 1) return false;
  const [channels, outputs] = [present(w.shape(present(x))[1]) / groups, present(w.shape(output)[1]) / groups];
  const shape = w.shape(output).with(1, outputs);
  const extra = node.attributes.get('output_padding');
  const parts = range(groups).map((g) =>
    present(
      w.emit(
        'ConvTranspose',
        [
          w.slice(present(x), 1, g * channels, (g + 1) * channels),
          w.slice(present(weights), 0, g * channels, (g + 1) * channels),
        ],
        [{ ...w.type(output), shape }],
        { attributes: { ...windowAttributes({ ...windows, groups: 1 }), ...(extra ? { output_padding: extra } : {}) } },
      )[0],
    ),
  );
  const result = w.concat(parts, 1, bias ? undefined : output);
  if (bias) w.add(result, w.reshape(bias, [present(w.shape(bias)[0]), ...all1(windows)]), output);
  return true;
}

export const convolutionLowerings: Lowerings = { Conv: convolution, ConvTranspose: transposedConvolution };
