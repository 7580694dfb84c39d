/** Shape rules of reductions and normalisations. */
import { dataTypeOf } from '../dataTypes';
import type { Dim } from '../model';
import {
  intAttribute,
  intsAttribute,
  type OpCall,
  type RuleTable,
  resolveAxes,
  resolveAxis,
  type ShapeRule,
  shapeOf,
  typeOf,
} from './OpCall';
import { numbersOf, valueOf } from './Value';

type Result = ReturnType<ShapeRule>;

/** `fold`: over all elements of a small constant that is reduced whole. */
function reduction(fold?: (elements: readonly number[]) => number): ShapeRule {
  return (call) => {
    const x = call.inputs[0];
    if (!x?.shape) return [valueOf(x?.dataType, null)];
    const keep = intAttribute(call.node, 'keepdims', 1) === 1;
    const given = intsAttribute(call.node, 'axes') ?? (call.inputs[1] ? numbersOf(call.inputs[1]) : []);
    if (!given) return [valueOf(x.dataType, keep ? x.shape.map(() => null) : null)];
    if (given.length === 0 && intAttribute(call.node, 'noop_with_empty_axes', 0) === 1) return [x];
    const axes = resolveAxes(given, x.shape.length) ?? [];
    const gone = (axis: number) => axes.length === 0 || axes.includes(axis);
    const dims = x.shape.flatMap((dim, axis): Dim[] => (gone(axis) ? (keep ? [1] : []) : [dim]));
    const elements = x.shape.every((_, axis) => gone(axis)) ? numbersOf(x) : undefined;
    return [valueOf(x.dataType, dims, fold && elements?.length ? [fold(elements)] : undefined)];
  };
}

function argReduction(call: OpCall): Result {
  const x = shapeOf(call, 0);
  const axis = x ? resolveAxis(intAttribute(call.node, 'axis', 0), x.length) : undefined;
  if (!x || axis === undefined) return [valueOf('int64', null)];
  return [valueOf('int64', intAttribute(call.node, 'keepdims', 1) === 1 ? x.with(axis, 1) : x.toSpliced(axis, 1))];
}

function topK(call: OpCall): Result {
  const x = shapeOf(call, 0);
  const axis = x ? resolveAxis(intAttribute(call.node, 'axis', -1), x.length) : undefined;
  const k = numbersOf(call.inputs[1])?.[0] ?? intAttribute(call.node, 'k') ?? null;
  const dims = x && axis !== undefined ? x.with(axis, k) : null;
  return [valueOf(typeOf(call, 0), dims), valueOf('int64', dims)];
}

/** Result like x; mean and inverse deviation keep the axes before `axis` and have size 1 after it. */
function layerNormalization(call: OpCall): Result {
  const x = shapeOf(call, 0);
  const axis = x ? resolveAxis(intAttribute(call.node, 'axis', -1), x.length) : undefined;
  const statistics = valueOf('float32', x && axis !== undefined ? x.map((dim, i) => (i < axis ? dim : 1)) : null);
  return [valueOf(typeOf(call, 0), x), statistics, statistics];
}

function batchNormalization(call: OpCall): Result {
  const statistics = valueOf(typeOf(call, 3) ?? typeOf(call, 0), shapeOf(call, 3));
  return [valueOf(typeOf(call, 0), shapeOf(call, 0)), statistics, statistics];
}

/** The type is that of the zero point; without one the attribute's (opset 21), or uint8. */
function quantizeLinear(call: OpCall): Result {
  const given = dataTypeOf(intAttribute(call.node, 'output_dtype', 0));
  return [valueOf(call.node.inputs[2] ? typeOf(call, 2) : (given ?? 'uint8'), shapeOf(call, 0))];
}

/** The type is the attribute's (opset 23), or that of the scale. */
function dequantizeLinear(call: OpCall): Result {
  const given = dataTypeOf(intAttribute(call.node, 'output_dtype', 0));
  return [valueOf(given ?? typeOf(call, 1), shapeOf(call, 0))];
}

export const reductionRules: RuleTable = {
  ReduceSum: reduction((elements) => elements.reduce((sum, x) => sum + x, 0)),
  ReduceProd: reduction((elements) => elements.reduce((product, x) => product * x, 1)),
  ReduceMax: reduction((elements) => Math.max(...elements)),
  ReduceMin: reduction((elements) => Math.min(...elements)),
  ...Object.fromEntries(
    ['ReduceMean', 'ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceSumSquare'].map((opType) => [
      opType,
      reduction(),
    ]),
  ),
  ArgMax: argReduction,
  ArgMin: argReduction,
  TopK: topK,
  LayerNormalization: layerNormalization,
  BatchNormalization: batchNormalization,
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: (call) => [valueOf('uint8', shapeOf(call, 0)), valueOf('float32', []), valueOf('uint8', [])],
};
