/**
 * Output shapes of operators from input shapes, one rule an operator. A rule returns a shape per output, `undefined`
 * where it cannot tell; it never guesses. Longer than most files because ONNX has many operators, one line each.
 */
import type { Attribute, DataType, Node } from '../model';

export type Shape = readonly number[];

export interface Operand {
  readonly shape?: Shape | undefined;
  readonly dataType?: DataType | undefined;
  /** Known integer or float content of a small tensor, row-major. */
  readonly values?: readonly number[] | undefined;
}

export interface RuleInput {
  readonly node: Node;
  readonly inputs: readonly (Operand | undefined)[];
  readonly opset: number;
}

export type Rule = (input: RuleInput) => readonly (Shape | undefined)[];

export function intAttribute(node: Node, name: string, fallback: number): number {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'int' ? Number(attribute.value) : fallback;
}

export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'ints' ? attribute.value.map(Number) : undefined;
}

export function textAttribute(node: Node, name: string): string | undefined {
  const attribute: Attribute | undefined = node.attributes.get(name);
  return attribute?.kind === 'string' ? new TextDecoder().decode(attribute.value) : undefined;
}

export function broadcast(shapes: readonly (Shape | undefined)[]): Shape | undefined {
  if (shapes.some((shape) => shape === undefined)) return undefined;
  const known = shapes as readonly Shape[];
  const rank = Math.max(0, ...known.map((shape) => shape.length));
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const dims = known.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((dim) => dim !== 1);
    if (dims.some((dim) => dim !== dims[0])) return undefined;
    result.push(dims[0] ?? 1);
  }
  return result;
}

const shapeOf = (input: RuleInput, index: number) => input.inputs[index]?.shape;
const valuesOf = (input: RuleInput, index: number) => input.inputs[index]?.values;
const same: Rule = (input) => [shapeOf(input, 0)];
const elementwise: Rule = (input) => [broadcast(input.inputs.filter((operand) => operand !== undefined).map((operand) => operand.shape))];

const matMulShape = (a: Shape | undefined, b: Shape | undefined): Shape | undefined => {
  if (!a || !b || a.length === 0 || b.length === 0) return undefined;
  const left = a.length === 1 ? [1, a[0]!] : a;
  const right = b.length === 1 ? [b[0]!, 1] : b;
  if (left.at(-1) !== right.at(-2)) return undefined;
  const batch = broadcast([left.slice(0, -2), right.slice(0, -2)]);
  return batch && [...batch, ...(a.length === 1 ? [] : [left.at(-2)!]), ...(b.length === 1 ? [] : [right.at(-1)!])];
};

/** Spatial output sizes of a convolution or pooling window. */
function windowSizes(node: Node, spatial: Shape, kernel: Shape): Shape {
  const rank = spatial.length;
  const strides = intsAttribute(node, 'strides') ?? Array<number>(rank).fill(1);
  const dilations = intsAttribute(node, 'dilations') ?? Array<number>(rank).fill(1);
  const pads = intsAttribute(node, 'pads') ?? Array<number>(2 * rank).fill(0);
  const auto = textAttribute(node, 'auto_pad') ?? 'NOTSET';
  const ceil = intAttribute(node, 'ceil_mode', 0) === 1;
  return spatial.map((size, axis) => {
    if (auto.startsWith('SAME')) return Math.ceil(size / strides[axis]!);
    const extent = dilations[axis]! * (kernel[axis]! - 1) + 1;
    const padded = size + (auto === 'VALID' ? 0 : pads[axis]! + pads[axis + rank]!);
    return (ceil ? Math.ceil : Math.floor)((padded - extent) / strides[axis]!) + 1;
  });
}

const conv: Rule = (input) => {
  const [x, w] = [shapeOf(input, 0), shapeOf(input, 1)];
  if (!x || !w) return [undefined];
  return [[x[0]!, w[0]!, ...windowSizes(input.node, x.slice(2), intsAttribute(input.node, 'kernel_shape') ?? w.slice(2))]];
};

const convTranspose: Rule = (input) => {
  const [x, w] = [shapeOf(input, 0), shapeOf(input, 1)];
  if (!x || !w || textAttribute(input.node, 'auto_pad')?.startsWith('SAME')) return [undefined];
  const rank = x.length - 2;
  const given = intsAttribute(input.node, 'output_shape');
  const channels = w[1]! * intAttribute(input.node, 'group', 1);
  if (given) return [[x[0]!, channels, ...given]];
  const fill = (name: string, value: number, length = rank) => intsAttribute(input.node, name) ?? Array<number>(length).fill(value);
  const [strides, dilations, pads, extra] = [fill('strides', 1), fill('dilations', 1), fill('pads', 0, 2 * rank), fill('output_padding', 0)];
  const sizes = x.slice(2).map((size, axis) => strides[axis]! * (size - 1) + extra[axis]! + (w[axis + 2]! - 1) * dilations[axis]! + 1 - pads[axis]! - pads[axis + rank]!);
  return [[x[0]!, channels, ...sizes]];
};

const pool: Rule = (input) => {
  const x = shapeOf(input, 0);
  const kernel = intsAttribute(input.node, 'kernel_shape');
  return [x && kernel ? [x[0]!, x[1]!, ...windowSizes(input.node, x.slice(2), kernel)] : undefined];
};

const gemm: Rule = (input) => {
  const [a, b] = [shapeOf(input, 0), shapeOf(input, 1)];
  if (!a || !b) return [undefined];
  return [[a[intAttribute(input.node, 'transA', 0) ? 1 : 0]!, b[intAttribute(input.node, 'transB', 0) ? 0 : 1]!]];
};

const reshape: Rule = (input) => {
  const x = shapeOf(input, 0);
  const target = valuesOf(input, 1) ?? intsAttribute(input.node, 'shape');
  if (!target) return [undefined];
  const copyZero = intAttribute(input.node, 'allowzero', 0) === 0;
  const dims = target.map((dim, axis) => (dim === 0 && copyZero ? x?.[axis] : dim));
  if (dims.some((dim) => dim === undefined)) return [undefined];
  const known = dims as number[];
  if (!known.includes(-1)) return [known];
  if (!x) return [undefined];
  const rest = known.filter((dim) => dim !== -1).reduce((a, b) => a * b, 1);
  const total = x.reduce((a, b) => a * b, 1);
  return [rest === 0 || total % rest !== 0 ? undefined : known.map((dim) => (dim === -1 ? total / rest : dim))];
};

const transpose: Rule = (input) => {
  const x = shapeOf(input, 0);
  const order = intsAttribute(input.node, 'perm') ?? x?.map((_, axis) => axis).reverse();
  return [x && order?.map((axis) => x[axis]!)];
};

const concat: Rule = (input) => {
  const shapes = input.inputs.map((operand) => operand?.shape);
  if (shapes.some((shape) => shape === undefined)) return [undefined];
  const known = shapes as readonly Shape[];
  const axis = atAxis(intAttribute(input.node, 'axis', 0), known[0]!.length);
  return [known[0]!.map((dim, index) => (index === axis ? known.reduce((sum, shape) => sum + shape[axis]!, 0) : dim))];
};

export function atAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Indices that a slice of one axis takes: first, count, step. */
export function sliceRange(size: number, start: number, end: number, step: number): { first: number; count: number } {
  const clamp = (value: number, low: number, high: number) => Math.max(low, Math.min(high, value < 0 ? value + size : value));
  const first = step > 0 ? clamp(start, 0, size) : clamp(start, 0, size - 1);
  const last = step > 0 ? clamp(end, 0, size) : end < -size ? -1 : clamp(end, -1, size - 1);
  return { first, count: Math.max(0, Math.ceil((last - first) / step)) };
}

const slice: Rule = (input) => {
  const x = shapeOf(input, 0);
  const starts = valuesOf(input, 1) ?? intsAttribute(input.node, 'starts');
  const ends = valuesOf(input, 2) ?? intsAttribute(input.node, 'ends');
  if (!x || !starts || !ends || (input.inputs[3] && !valuesOf(input, 3)) || (input.inputs[4] && !valuesOf(input, 4))) return [undefined];
  const axes = valuesOf(input, 3) ?? intsAttribute(input.node, 'axes') ?? starts.map((_, index) => index);
  const steps = valuesOf(input, 4) ?? starts.map(() => 1);
  const dims = [...x];
  axes.forEach((raw, index) => {
    const axis = atAxis(raw, x.length);
    dims[axis] = sliceRange(x[axis]!, starts[index]!, ends[index]!, steps[index]!).count;
  });
  return [dims];
};

const gather: Rule = (input) => {
  const [x, indices] = [shapeOf(input, 0), shapeOf(input, 1)];
  if (!x || !indices) return [undefined];
  const axis = atAxis(intAttribute(input.node, 'axis', 0), x.length);
  return [[...x.slice(0, axis), ...indices, ...x.slice(axis + 1)]];
};

const axesOf = (input: RuleInput, index: number) => valuesOf(input, index) ?? intsAttribute(input.node, 'axes');

const unsqueeze: Rule = (input) => {
  const x = shapeOf(input, 0);
  const axes = axesOf(input, 1);
  if (!x || !axes) return [undefined];
  const rank = x.length + axes.length;
  const inserted = new Set(axes.map((axis) => atAxis(axis, rank)));
  const dims = x[Symbol.iterator]();
  return [Array.from({ length: rank }, (_, axis) => (inserted.has(axis) ? 1 : (dims.next().value as number)))];
};

const squeeze: Rule = (input) => {
  const x = shapeOf(input, 0);
  if (!x || (input.inputs[1] && !valuesOf(input, 1))) return [undefined];
  const axes = axesOf(input, 1)?.map((axis) => atAxis(axis, x.length));
  return [x.filter((dim, axis) => (axes ? !axes.includes(axis) : dim !== 1))];
};

const split: Rule = (input) => {
  const x = shapeOf(input, 0);
  if (!x || (input.inputs[1] && !valuesOf(input, 1))) return input.node.outputs.map(() => undefined);
  const axis = atAxis(intAttribute(input.node, 'axis', 0), x.length);
  const count = input.node.outputs.length;
  const chunk = Math.ceil(x[axis]! / count);
  const sizes = valuesOf(input, 1) ?? intsAttribute(input.node, 'split') ?? input.node.outputs.map((_, index) => Math.min(chunk, x[axis]! - index * chunk));
  return sizes.map((size) => x.map((dim, index) => (index === axis ? size : dim)));
};

const reduce: Rule = (input) => {
  const x = shapeOf(input, 0);
  if (!x || (input.inputs[1] && !valuesOf(input, 1))) return [undefined];
  const axes = axesOf(input, 1)?.map((axis) => atAxis(axis, x.length));
  const all = !axes || axes.length === 0;
  if (all && intAttribute(input.node, 'noop_with_empty_axes', 0) === 1) return [x];
  const keep = intAttribute(input.node, 'keepdims', 1) === 1;
  const gone = (axis: number) => all || axes.includes(axis);
  return [keep ? x.map((dim, axis) => (gone(axis) ? 1 : dim)) : x.filter((_, axis) => !gone(axis))];
};

const resize: Rule = (input) => {
  const x = shapeOf(input, 0);
  const sizes = valuesOf(input, 3);
  const scales = valuesOf(input, input.node.opType === 'Upsample' ? 1 : 2);
  const axes = intsAttribute(input.node, 'axes');
  if (!x) return [undefined];
  const spread = (values: readonly number[], other: (axis: number) => number) => x.map((_, axis) => (axes ? (values[axes.indexOf(axis)] ?? other(axis)) : values[axis]!));
  if (sizes && sizes.length > 0) return [spread(sizes, (axis) => x[axis]!)];
  if (!scales || scales.length === 0) return [undefined];
  return [spread(scales, () => 1).map((scale, axis) => Math.floor(x[axis]! * scale))];
};

const pad: Rule = (input) => {
  const x = shapeOf(input, 0);
  const pads = valuesOf(input, 1) ?? intsAttribute(input.node, 'pads');
  if (!x || !pads || (input.inputs[3] && !valuesOf(input, 3))) return [undefined];
  const axes = valuesOf(input, 3) ?? x.map((_, axis) => axis);
  const dims = [...x];
  axes.forEach((raw, index) => {
    dims[atAxis(raw, x.length)]! += pads[index]! + pads[index + axes.length]!;
  });
  return [dims];
};

const einsum: Rule = (input) => {
  const equation = textAttribute(input.node, 'equation')?.replace(/\s/g, '');
  if (!equation || equation.includes('.')) return [undefined];
  const [left, right] = equation.split('->');
  const sizes = new Map<string, number>();
  for (const [index, term] of left!.split(',').entries()) {
    const shape = shapeOf(input, index);
    if (!shape) return [undefined];
    [...term].forEach((letter, axis) => sizes.set(letter, shape[axis]!));
  }
  const output = right ?? [...sizes.keys()].filter((letter) => left!.split(letter).length === 2).sort().join('');
  return [[...output].map((letter) => sizes.get(letter)!)];
};

const range: Rule = (input) => {
  const [start, limit, delta] = [0, 1, 2].map((index) => valuesOf(input, index)?.[0]);
  return [start === undefined || limit === undefined || !delta ? undefined : [Math.max(0, Math.ceil((limit - start) / delta))]];
};

const tile: Rule = (input) => {
  const [x, repeats] = [shapeOf(input, 0), valuesOf(input, 1)];
  return [x && repeats ? x.map((dim, axis) => dim * repeats[axis]!) : undefined];
};

const flatten: Rule = (input) => {
  const x = shapeOf(input, 0);
  if (!x) return [undefined];
  const axis = atAxis(intAttribute(input.node, 'axis', 1), x.length);
  const size = (dims: Shape) => dims.reduce((a, b) => a * b, 1);
  return [[size(x.slice(0, axis)), size(x.slice(axis))]];
};

const depthToSpace: Rule = (input) => {
  const x = shapeOf(input, 0);
  const block = intAttribute(input.node, 'blocksize', 1);
  return [x && [x[0]!, x[1]! / (block * block), x[2]! * block, x[3]! * block]];
};

const spaceToDepth: Rule = (input) => {
  const x = shapeOf(input, 0);
  const block = intAttribute(input.node, 'blocksize', 1);
  return [x && [x[0]!, x[1]! * block * block, x[2]! / block, x[3]! / block]];
};

const matMulNBits: Rule = (input) => [shapeOf(input, 0) && [...shapeOf(input, 0)!.slice(0, -1), intAttribute(input.node, 'N', 0)]];

const topK: Rule = (input) => {
  const [x, k] = [shapeOf(input, 0), valuesOf(input, 1)?.[0]];
  if (!x || k === undefined) return [undefined, undefined];
  const axis = atAxis(intAttribute(input.node, 'axis', -1), x.length);
  const shape = x.map((dim, index) => (index === axis ? k : dim));
  return [shape, shape];
};

/** com.microsoft MultiHeadAttention: [batch, sequence, hidden] of the value. */
const multiHeadAttention: Rule = (input) => {
  const [q, v] = [shapeOf(input, 0), shapeOf(input, 2)];
  if (q?.length === 5) return [[q[0]!, q[1]!, q[2]! * q[4]!]]; // packed qkv: [B, L, heads, 3, head size]
  if (!q || q.length !== 3) return [undefined];
  return [v?.length === 4 ? [q[0]!, q[1]!, v[1]! * v[3]!] : [q[0]!, q[1]!, v?.at(-1) ?? q[2]!]];
};

/** ai.onnx Attention (23, 24): 4-D [B, heads, L, size], or 3-D with the heads folded into the last axis. */
const attention: Rule = (input) => {
  const [q, v] = [shapeOf(input, 0), shapeOf(input, 2)];
  if (input.node.domain === 'com.microsoft') {
    const w = shapeOf(input, 1);
    return [q && w ? [q[0]!, q[1]!, w.at(-1)! / 3] : undefined];
  }
  if (!q || !v) return [undefined];
  if (q.length === 4) return [[...q.slice(0, 3), v[3]!]];
  const [queryHeads, keyHeads] = [intAttribute(input.node, 'q_num_heads', 1), intAttribute(input.node, 'kv_num_heads', 1)];
  return [[q[0]!, q[1]!, (v[2]! / keyHeads) * queryHeads]];
};

const sameForAll: Rule = (input) => input.node.outputs.map(() => shapeOf(input, 0));
const firstOnly: Rule = (input) => [shapeOf(input, 0)];
const skipNorm: Rule = (input) => input.node.outputs.map((_, index) => (index === 0 || index === 3 ? shapeOf(input, 0) : undefined));

const rules: Readonly<Record<string, Rule>> = {
  Conv: conv, FusedConv: conv, ConvInteger: conv, QLinearConv: (input) => conv({ ...input, inputs: [input.inputs[0], input.inputs[3]] }),
  ConvTranspose: convTranspose, MaxPool: pool, AveragePool: pool, Gemm: gemm,
  GlobalAveragePool: (input) => [shapeOf(input, 0)?.map((dim, axis) => (axis < 2 ? dim : 1))],
  MatMul: (input) => [matMulShape(shapeOf(input, 0), shapeOf(input, 1))],
  MatMulInteger: (input) => [matMulShape(shapeOf(input, 0), shapeOf(input, 1))],
  DynamicQuantizeMatMul: (input) => [matMulShape(shapeOf(input, 0), shapeOf(input, 1))],
  MatMulIntegerToFloat: (input) => [matMulShape(shapeOf(input, 0), shapeOf(input, 1))],
  FusedMatMul: (input) => {
    const flip = (shape: Shape | undefined, name: string) => (shape && intAttribute(input.node, name, 0) === 1 ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape);
    return [matMulShape(flip(shapeOf(input, 0), 'transA'), flip(shapeOf(input, 1), 'transB'))];
  },
  MatMulNBits: matMulNBits, Reshape: reshape, Transpose: transpose, Concat: concat, Slice: slice, Gather: gather,
  GatherElements: (input) => [shapeOf(input, 1)],
  GatherND: (input) => {
    const [x, indices] = [shapeOf(input, 0), shapeOf(input, 1)];
    return [x && indices ? [...indices.slice(0, -1), ...x.slice(intAttribute(input.node, 'batch_dims', 0) + indices.at(-1)!)] : undefined];
  },
  Unsqueeze: unsqueeze, Squeeze: squeeze, Split: split, Resize: resize, Upsample: resize, Pad: pad, Einsum: einsum, Range: range,
  Tile: tile, Flatten: flatten, DepthToSpace: depthToSpace, SpaceToDepth: spaceToDepth, TopK: topK,
  Expand: (input) => [valuesOf(input, 1) ? broadcast([shapeOf(input, 0), valuesOf(input, 1)]) : undefined],
  ConstantOfShape: (input) => [valuesOf(input, 0)],
  Shape: (input) => {
    const rank = shapeOf(input, 0)?.length;
    if (rank === undefined) return [undefined];
    const { count } = sliceRange(rank, intAttribute(input.node, 'start', 0), intAttribute(input.node, 'end', rank), 1);
    return [[count]];
  },
  Size: () => [[]],
  NonZero: () => [undefined],
  MultiHeadAttention: multiHeadAttention, Attention: attention, GroupQueryAttention: multiHeadAttention,
  LayerNormalization: firstOnly, SimplifiedLayerNormalization: firstOnly, RMSNormalization: firstOnly,
  SkipLayerNormalization: skipNorm, SkipSimplifiedLayerNormalization: skipNorm,
  SkipGroupNorm: (input) => input.node.outputs.map(() => shapeOf(input, 0)),
  BatchNormalization: firstOnly, Dropout: sameForAll,
  DynamicQuantizeLinear: (input) => [shapeOf(input, 0), [], []],
  BiasSplitGelu: (input) => [shapeOf(input, 0) && [...shapeOf(input, 0)!.slice(0, -1), shapeOf(input, 0)!.at(-1)! / 2]],
  BiasAdd: same, BiasGelu: same, FastGelu: same, QuickGelu: same, GroupNorm: same, RotaryEmbedding: same,
  ScatterND: same, ScatterElements: same, CumSum: same, Softmax: same, LogSoftmax: same, InstanceNormalization: same, GroupNormalization: same,
  LpNormalization: same, Trilu: same, QuantizeLinear: same, DequantizeLinear: same, Clip: same, Celu: same, PRelu: same, CastLike: same,
  OneHot: () => [undefined],
};

const elementwiseOps = new Set([
  'Add', 'Sub', 'Mul', 'Div', 'Pow', 'Min', 'Max', 'Mod', 'And', 'Or', 'Xor', 'Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'Where', 'Mean', 'Sum',
  'BitShift', 'BitwiseAnd', 'BitwiseOr',
]);

const unaryOps = new Set([
  'Identity', 'Cast', 'Relu', 'Sigmoid', 'Tanh', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Neg', 'Abs', 'Erf', 'Sin', 'Cos', 'Tan', 'Gelu', 'Elu', 'Selu', 'Softplus', 'Softsign',
  'LeakyRelu', 'HardSigmoid', 'HardSwish', 'Mish', 'Floor', 'Ceil', 'Round', 'Sign', 'Not', 'IsNaN', 'IsInf', 'Swish', 'Atan', 'BitwiseNot', 'ThresholdedRelu', 'Hardmax',
  'RandomNormalLike', 'RandomUniformLike',
]);

/** `undefined` for an operator without a rule: its outputs stay unknown. */
export function ruleFor(node: Node): Rule | undefined {
  if (node.domain !== '' && node.domain !== 'com.microsoft') return undefined;
  if (elementwiseOps.has(node.opType)) return elementwise;
  if (unaryOps.has(node.opType)) return same;
  if (node.opType.startsWith('Reduce')) return reduce;
  return rules[node.opType];
}
