/**
 * What discovery knows of operators: which operands carry data, which nodes only show their operand in another
 * form, which multiply by weights. Everything else about an operator is of no interest to it.
 */
import type { Node } from '../onnx/model';

/** Operands before this index carry data; the rest are shapes, sizes, axes or indices. */
const DATA_OPERANDS: ReadonlyMap<string, number> = new Map([
  ...[
    'Reshape',
    'Expand',
    'Slice',
    'Resize',
    'Upsample',
    'Tile',
    'Pad',
    'Unsqueeze',
    'Squeeze',
    'Split',
    'TopK',
    'CumSum',
    'Trilu',
  ].map((op) => [op, 1] as const),
  ...[
    'ReduceMean',
    'ReduceSum',
    'ReduceMax',
    'ReduceMin',
    'ReduceL2',
    'ReduceSumSquare',
    'GatherElements',
    'GatherND',
    'OneHot',
  ].map((op) => [op, 1] as const),
  ...['Shape', 'Size', 'ConstantOfShape', 'Range', 'EyeLike', 'RandomNormalLike'].map((op) => [op, 0] as const),
]);

/** How many leading operands of a node carry data. */
export const dataOperandCount = (node: Node): number =>
  node.domain === '' ? (DATA_OPERANDS.get(node.opType) ?? node.inputs.length) : node.inputs.length;

/** Nodes whose result is their first operand in another form: same elements, another shape, order or number type. */
const VIEWS = new Set([
  'Identity',
  'Cast',
  'CastLike',
  'Reshape',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'QuantizeLinear',
  'DequantizeLinear',
  'Dropout',
]);

export const isPureView = (node: Node): boolean =>
  node.domain === '' ? VIEWS.has(node.opType) : isProcessorSpecific(node) && REORDERS.has(node.opType);

/** To and from a layout for one processor. */
const REORDERS = new Set(['ReorderInput', 'ReorderOutput']);

/** Operators that multiply data by weights. */
const WEIGHTED = new Set([
  'Conv',
  'ConvTranspose',
  'MatMul',
  'Gemm',
  'Einsum',
  'ConvInteger',
  'MatMulInteger',
  'QLinearConv',
  'QLinearMatMul',
  'FusedConv',
  'NhwcConv',
  'NhwcFusedConv',
  'FusedMatMul',
  'TransposeMatMul',
  'FusedGemm',
  'MatMulNBits',
  'MatMulBnb4',
  'DynamicQuantizeMatMul',
  'MatMulIntegerToFloat',
  'QAttention',
  'Attention',
  'PackedAttention',
  'GemmFastGelu',
]);

export const canHoldWeights = (node: Node): boolean => WEIGHTED.has(node.opType);

const CONVOLUTIONS = new Set([
  'Conv',
  'ConvTranspose',
  'ConvInteger',
  'QLinearConv',
  'FusedConv',
  'NhwcConv',
  'NhwcFusedConv',
]);

export const isConvolution = (node: Node): boolean => CONVOLUTIONS.has(node.opType);

/** Operators at whose heart is a softmax over keys; `Softmax` itself in graphs that spell attention out. */
const ATTENTION = new Set([
  'Softmax',
  'MultiHeadAttention',
  'GroupQueryAttention',
  'Attention',
  'QAttention',
  'PackedAttention',
]);

export const isAttention = (node: Node): boolean => ATTENTION.has(node.opType);

/** Layouts made for one processor, which onnxruntime saves at its highest optimisation level. */
export const isProcessorSpecific = (node: Node): boolean => node.domain === 'com.microsoft.nchwc';

/** Convolutions whose data has its channels last, which `onnxruntime.transformers` makes for GPUs. */
export const isChannelsLast = (node: Node): boolean => node.opType.startsWith('Nhwc');

/** `domain:Op`, or the bare name for standard operators. */
export const qualifiedOperator = (node: Node): string =>
  node.domain === '' ? node.opType : `${node.domain}:${node.opType}`;
