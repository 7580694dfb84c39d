/** Shape rules of convolutions, pools, matrix products and resizing. */
import { elementCount } from '../dataTypes';
import type { DataType, Dim, Node } from '../model';
import { broadcastKnown } from './broadcast';
import {
  floatsAttribute,
  intAttribute,
  intsAttribute,
  type OpCall,
  type RuleTable,
  resolveAxes,
  type ShapeRule,
  shapeOf,
  textAttribute,
  typeOf,
} from './OpCall';
import { numbersOf, valueOf } from './Value';

type Result = ReturnType<ShapeRule>;

/** The windows of a convolution or pool over one input: kernel size, stride, padding and dilation per spatial axis. */
interface Window {
  readonly kernel: readonly Dim[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly autoPad: string;
  readonly roundUp: boolean;
}

function windowOf(node: Node, kernel: readonly Dim[]): Window {
  const rank = kernel.length;
  const ones = new Array<number>(rank).fill(1);
  return {
    kernel,
    strides: intsAttribute(node, 'strides') ?? ones,
    dilations: intsAttribute(node, 'dilations') ?? ones,
    pads: intsAttribute(node, 'pads') ?? new Array<number>(2 * rank).fill(0),
    autoPad: textAttribute(node, 'auto_pad', 'NOTSET'),
    roundUp: intAttribute(node, 'ceil_mode', 0) === 1,
  };
}

/** Number of windows along spatial axis `i` of the given length. */
function windowCount(
  length: Dim | undefined,
  i: number,
  { kernel, strides, dilations, pads, autoPad, roundUp }: Window,
): Dim {
  const size = kernel[i];
  const stride = strides[i] ?? 1;
  if (typeof length !== 'number') return null;
  if (autoPad.startsWith('SAME')) return Math.ceil(length / stride);
  if (typeof size !== 'number') return null;
  const padding = autoPad === 'VALID' ? 0 : (pads[i] ?? 0) + (pads[i + kernel.length] ?? 0);
  const span = length + padding - (dilations[i] ?? 1) * (size - 1) - 1;
  if (span < 0) return null;
  if (!roundUp) return Math.floor(span / stride) + 1;
  const count = Math.ceil(span / stride) + 1;
  return (count - 1) * stride >= length + (pads[i] ?? 0) ? count - 1 : count; // no window may start in the padding
}

/** `at`: which inputs hold image and weights; `outputType` where it is not the image's. */
function convolution(
  at: { readonly x: number; readonly w: number },
  outputType?: (call: OpCall) => DataType | undefined,
): ShapeRule {
  return (call) => {
    const x = shapeOf(call, at.x);
    const w = shapeOf(call, at.w);
    const dataType = outputType ? outputType(call) : typeOf(call, at.x);
    if (!x) return [valueOf(dataType, null)];
    const kernel = intsAttribute(call.node, 'kernel_shape') ?? w?.slice(2) ?? x.slice(2).map(() => null);
    const window = windowOf(call.node, kernel);
    return [
      valueOf(dataType, [
        x[0] ?? null,
        w?.[0] ?? null,
        ...x.slice(2).map((length, i) => windowCount(length, i, window)),
      ]),
    ];
  };
}

/** Channels last, and weights [out, ...kernel, in]. */
function channelsLastConvolution(call: OpCall): Result {
  const x = shapeOf(call, 0);
  const w = shapeOf(call, 1);
  if (!x) return [valueOf(typeOf(call, 0), null)];
  const window = windowOf(call.node, intsAttribute(call.node, 'kernel_shape') ?? w?.slice(1, -1) ?? []);
  return [
    valueOf(typeOf(call, 0), [
      x[0] ?? null,
      ...x.slice(1, -1).map((length, i) => windowCount(length, i, window)),
      w?.[0] ?? null,
    ]),
  ];
}

function transposedConvolution(call: OpCall): Result {
  const { node } = call;
  const x = shapeOf(call, 0);
  const w = shapeOf(call, 1);
  if (!x) return [valueOf(typeOf(call, 0), null)];
  const perGroup = w?.[1];
  const channels = typeof perGroup === 'number' ? perGroup * intAttribute(node, 'group', 1) : null;
  const window = windowOf(node, intsAttribute(node, 'kernel_shape') ?? w?.slice(2) ?? x.slice(2).map(() => null));
  const extra = intsAttribute(node, 'output_padding');
  const fixed = intsAttribute(node, 'output_shape');
  const rank = x.length - 2;
  return [
    valueOf(typeOf(call, 0), [
      x[0] ?? null,
      channels,
      ...x.slice(2).map((length, i) => {
        if (fixed) return fixed.at(i - rank) ?? null;
        if (typeof length !== 'number') return null;
        if (window.autoPad.startsWith('SAME')) return length * (window.strides[i] ?? 1);
        const size = window.kernel[i];
        const padding = window.autoPad === 'VALID' ? 0 : (window.pads[i] ?? 0) + (window.pads[i + rank] ?? 0);
        return typeof size === 'number'
          ? (window.strides[i] ?? 1) * (length - 1) +
              (extra?.[i] ?? 0) +
              (size - 1) * (window.dilations[i] ?? 1) +
              1 -
              padding
          : null;
      }),
    ]),
  ];
}

function pool(call: OpCall): Result {
  const x = shapeOf(call, 0);
  const kernel = intsAttribute(call.node, 'kernel_shape');
  if (!x || !kernel) return [valueOf(typeOf(call, 0), null)];
  const window = windowOf(call.node, kernel);
  const dims = [...x.slice(0, 2), ...x.slice(2).map((length, i) => windowCount(length, i, window))];
  return [valueOf(typeOf(call, 0), dims), valueOf('int64', dims)];
}

const globalPool: ShapeRule = (call) => [
  valueOf(typeOf(call, 0), shapeOf(call, 0)?.map((dim, i) => (i < 2 ? dim : 1)) ?? null),
];

/** numpy's matmul of two shapes; null when a rank is unknown. */
export function matMulShape(a: readonly Dim[] | null, b: readonly Dim[] | null): readonly Dim[] | null {
  if (!a || !b || a.length === 0 || b.length === 0) return null;
  const batch = broadcastKnown([a.slice(0, -2), b.slice(0, -2)]);
  return [...batch, ...a.slice(-2, -1), ...(b.length > 1 ? b.slice(-1) : [])];
}

/** `at`: which inputs hold the factors. */
const matMul =
  (at: readonly [number, number], outputType: (call: OpCall) => DataType | undefined): ShapeRule =>
  (call) => [valueOf(outputType(call), matMulShape(shapeOf(call, at[0]), shapeOf(call, at[1])))];

function fusedMatMul(call: OpCall): Result {
  const flag = (name: string) => intAttribute(call.node, name, 0) === 1;
  const prepare = (shape: readonly Dim[] | null, letter: string): readonly Dim[] | null => {
    if (!shape || shape.length < 2) return shape;
    const moved = flag(`transBatch${letter}`)
      ? [...shape.slice(1, -1), ...shape.slice(0, 1), ...shape.slice(-1)]
      : shape;
    return flag(`trans${letter}`) ? [...moved.slice(0, -2), ...moved.slice(-2).toReversed()] : moved;
  };
  return [valueOf(typeOf(call, 0), matMulShape(prepare(shapeOf(call, 0), 'A'), prepare(shapeOf(call, 1), 'B')))];
}

function gemm(call: OpCall): Result {
  const a = shapeOf(call, 0);
  const b = shapeOf(call, 1);
  const rows = a?.[intAttribute(call.node, 'transA', 0) === 1 ? 1 : 0] ?? null;
  const columns = b?.[intAttribute(call.node, 'transB', 0) === 1 ? 0 : 1] ?? null;
  return [valueOf(typeOf(call, 0), [rows, columns])];
}

/** Weights are packed, so their real sizes are attributes. */
const packedMatMul: ShapeRule = (call) => {
  const a = shapeOf(call, 0);
  const columns = intAttribute(call.node, 'N');
  return [valueOf(typeOf(call, 0), a && [...a.slice(0, -1), columns ?? null])];
};

const maxEquationLength = 1000;

/** Letters to dims, then the letters of the result. An ellipsis stands for the leading batch dims. */
function einsum(call: OpCall): Result {
  const equation = textAttribute(call.node, 'equation', '').replaceAll(' ', '');
  if (equation.length > maxEquationLength) return [];
  const [left = '', right] = equation.split('->');
  const sizes = new Map<string, Dim>();
  let batch: readonly Dim[] = [];
  for (const [i, term] of left.split(',').entries()) {
    const shape = shapeOf(call, i);
    if (!shape) return [valueOf(typeOf(call, 0), null)];
    const letters = [...term.replace('...', '')];
    const head = term.indexOf('...');
    const count = shape.length - letters.length;
    if (head >= 0) batch = broadcastKnown([batch, shape.slice(head, head + count)]);
    const own = head >= 0 ? [...shape.slice(0, head), ...shape.slice(head + count)] : shape;
    letters.forEach((letter, k) => {
      if (typeof sizes.get(letter) !== 'number' || sizes.get(letter) === 1) sizes.set(letter, own[k] ?? null);
    });
  }
  const implicit = [...new Set(left.replaceAll(/[.,]/g, ''))]
    .filter((letter) => left.split(letter).length === 2)
    .sort();
  const result = right ?? (left.includes('...') ? '...' : '') + implicit.join('');
  const [before = '', after] = result.split('...');
  const dims = (letters: string): Dim[] => [...letters].map((letter) => sizes.get(letter) ?? null);
  return [valueOf(typeOf(call, 0), after === undefined ? dims(before) : [...dims(before), ...batch, ...dims(after)])];
}

function resize(call: OpCall): Result {
  const x = shapeOf(call, 0);
  if (!x) return [valueOf(typeOf(call, 0), null)];
  const old = call.inputs.length === 2; // opset 10: x and scales
  const axes = resolveAxes(intsAttribute(call.node, 'axes') ?? x.map((_, i) => i), x.length) ?? [];
  const sizes = numbersOf(call.inputs[3]);
  const given = numbersOf(call.inputs[old ? 1 : 2]) ?? floatsAttribute(call.node, 'scales');
  const scales = given?.length ? given : undefined;
  const policy = textAttribute(call.node, 'keep_aspect_ratio_policy', 'stretch');
  const ratios = (sizes ?? []).map((size, i) => size / Number(x[axes[i] ?? -1]));
  const ratio = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  return [
    valueOf(
      typeOf(call, 0),
      x.map((dim, axis) => {
        const at = axes.indexOf(axis);
        if (at < 0) return dim;
        if (sizes?.length && policy === 'stretch') return sizes[at] ?? null;
        if (typeof dim !== 'number') return scales?.[at] === 1 ? dim : null;
        if (sizes?.length) return Number.isFinite(ratio) ? Math.round(dim * ratio) : null;
        return scales?.[at] === undefined ? null : Math.floor(dim * scales[at]);
      }),
    ),
  ];
}

function gridSample(call: OpCall): Result {
  const x = shapeOf(call, 0);
  const grid = shapeOf(call, 1);
  return [valueOf(typeOf(call, 0), x && grid && [x[0] ?? null, x[1] ?? null, ...grid.slice(1, -1)])];
}

function col2im(call: OpCall): Result {
  const x = shapeOf(call, 0);
  const image = numbersOf(call.inputs[1]);
  const area = numbersOf(call.inputs[2]);
  const channels = typeof x?.[1] === 'number' && area ? x[1] / elementCount(area) : null;
  return [valueOf(typeOf(call, 0), image ? [x?.[0] ?? null, channels, ...image] : null)];
}

const int32 = (): DataType => 'int32';
const typeOfInput = (i: number) => (call: OpCall) => typeOf(call, i);

export const linearRules: RuleTable = {
  Conv: convolution({ x: 0, w: 1 }),
  FusedConv: convolution({ x: 0, w: 1 }),
  ConvInteger: convolution({ x: 0, w: 1 }, int32),
  QLinearConv: convolution({ x: 0, w: 3 }, typeOfInput(7)),
  DeformConv: convolution({ x: 0, w: 1 }),
  NhwcConv: channelsLastConvolution,
  NhwcFusedConv: channelsLastConvolution,
  ConvTranspose: transposedConvolution,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  MatMul: matMul([0, 1], typeOfInput(0)),
  MatMulInteger: matMul([0, 1], int32),
  QLinearMatMul: matMul([0, 3], typeOfInput(7)),
  MatMulIntegerToFloat: matMul([0, 1], typeOfInput(2)),
  DynamicQuantizeMatMul: matMul([0, 1], typeOfInput(0)),
  FusedMatMul: fusedMatMul,
  TransposeMatMul: fusedMatMul,
  Gemm: gemm,
  FusedGemm: gemm,
  MatMulNBits: packedMatMul,
  MatMulBnb4: packedMatMul,
  MatMulFpQ4: packedMatMul,
  Einsum: einsum,
  Resize: resize,
  Upsample: resize,
  GridSample: gridSample,
  Col2Im: col2im,
};
