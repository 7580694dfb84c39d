/** Shape rules of onnxruntime's fused and quantised operators (domain com.microsoft), attention apart. */
import type { Dim } from '../model';
import { broadcastShapes } from './broadcast';
import { intAttribute, type OpCall, type RuleTable, resolveAxis, type ShapeRule, shapeOf, typeOf } from './OpCall';
import { valueOf } from './Value';

type Result = ReturnType<ShapeRule>;

/** First output like the first input; nothing said of the others. */
const like: ShapeRule = (call) => [valueOf(typeOf(call, 0), shapeOf(call, 0))];

/** Normalisation of input + skip (+ bias); the fourth output is that sum. */
function skipLayerNormalization(call: OpCall): Result {
  const shape = broadcastShapes([shapeOf(call, 0), shapeOf(call, 1)]);
  const sum = valueOf(typeOf(call, 0), shape);
  const statistics = valueOf('float32', shape && [...shape.slice(0, -1), 1]);
  return [sum, statistics, statistics, sum];
}

/** The second output is the sum of input, skip and bias. */
const skipGroupNorm: ShapeRule = (call) => [
  valueOf(typeOf(call, 0), shapeOf(call, 0)),
  valueOf(typeOf(call, 0), shapeOf(call, 0)),
];

/** Half of the last axis gates the other half. */
function biasSplitGelu(call: OpCall): Result {
  const x = shapeOf(call, 0);
  const last = x?.at(-1);
  return [valueOf(typeOf(call, 0), x && x.with(-1, typeof last === 'number' ? last / 2 : null))];
}

function embedLayerNormalization(call: OpCall): Result {
  const tokens = shapeOf(call, 0);
  const hidden = shapeOf(call, 2)?.[1] ?? null;
  return [valueOf(typeOf(call, 2), tokens && [...tokens, hidden]), valueOf('int32', tokens && [tokens[0] ?? null])];
}

/** Operands are triples of values, scale and zero point. */
const quantizedBinary: ShapeRule = (call) => [
  valueOf(typeOf(call, 0), broadcastShapes([shapeOf(call, 0), shapeOf(call, 3)])),
];

/** Scale and zero point of the result come first, then triples. */
function quantizedConcat(call: OpCall): Result {
  const shapes = call.inputs.flatMap((input, i) => (i >= 2 && (i - 2) % 3 === 0 ? [input?.shape ?? null] : []));
  const first = shapes[0];
  const axis = first ? resolveAxis(intAttribute(call.node, 'axis', 1), first.length) : undefined;
  if (!first || axis === undefined) return [valueOf(typeOf(call, 2), null)];
  const lengths = shapes.map((shape): Dim => shape?.[axis] ?? null);
  const total = lengths.every((length) => typeof length === 'number')
    ? (lengths as number[]).reduce((sum, length) => sum + length, 0)
    : null;
  return [valueOf(typeOf(call, 2), first.with(axis, total))];
}

const sameShape = [
  'BiasAdd',
  'BiasGelu',
  'BiasDropout',
  'BiasSoftmax',
  'FastGelu',
  'Gelu',
  'QuickGelu',
  'GroupNorm',
  'RotaryEmbedding',
  'QLinearSigmoid',
  'QLinearLeakyRelu',
  'QLinearSoftmax',
  'GemmaRotaryEmbedding',
  'GeluGrad',
  'MemcpyToHost',
  'MemcpyFromHost',
] as const;

export const fusedRules: RuleTable = {
  ...Object.fromEntries(sameShape.map((opType) => [opType, like])),
  SkipLayerNormalization: skipLayerNormalization,
  SkipSimplifiedLayerNormalization: skipLayerNormalization,
  SkipGroupNorm: skipGroupNorm,
  BiasSplitGelu: biasSplitGelu,
  EmbedLayerNormalization: embedLayerNormalization,
  QLinearAdd: quantizedBinary,
  QLinearMul: quantizedBinary,
  QLinearConcat: quantizedConcat,
};
