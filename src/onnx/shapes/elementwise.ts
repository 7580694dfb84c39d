/** Shape rules of element-wise operators, with folding of small constants. */
import { dataTypeOf, elementCount } from '../dataTypes';
import type { DataType, Dim } from '../model';
import { broadcastShapes, foldElements } from './broadcast';
import { addCounted, countOf } from './countedDims';
import { intAttribute, type OpCall, type RuleTable, type ShapeRule } from './OpCall';
import { isConcrete, product, valueOf } from './Value';

/** Result has type and shape of the first input; `apply` folds constants. */
function unary(apply?: (x: number) => number): ShapeRule {
  return ({ inputs: [x] }) => {
    if (!x) return [];
    const elements =
      apply && foldElements([x], x.shape, ([a]) => (typeof a === 'number' ? rounded(apply(a), x.dataType) : null));
    return [valueOf(x.dataType, x.shape, elements)];
  };
}

/** As `unary`, with bool results. */
const test =
  (apply?: (x: number) => boolean): ShapeRule =>
  ({ inputs: [x] }) => {
    if (!x) return [];
    const elements = apply && foldElements([x], x.shape, ([a]) => (typeof a === 'number' ? Number(apply(a)) : null));
    return [valueOf('bool', x.shape, elements)];
  };

/** What a mask keeps, turned round, leaves out all others. */
function not(call: OpCall): ReturnType<ShapeRule> {
  const [turned] = test((x) => x === 0)(call);
  const [x] = call.inputs;
  if (!x?.shape || !turned || turned.elements || !isConcrete(x.shape)) return [turned];
  const kept = x.nonZeros ?? countOf(call.node.inputs[0] ?? '');
  return [{ ...turned, nonZeros: addCounted([product(x.shape), kept], [1, -1]) }];
}

type Arithmetic = (a: number, b: number, dataType: DataType | undefined) => number;

/** `neutral`: a second operand that leaves the first as it is, so that a symbolic dimension stays known. */
function binary(apply?: Arithmetic, neutral?: number, commutes = false): ShapeRule {
  return ({ inputs }) => {
    const shape = broadcastShapes(inputs.map((input) => input?.shape ?? null));
    const dataType = inputs[0]?.dataType ?? inputs[1]?.dataType;
    if (!apply || inputs.length !== 2) return [valueOf(dataType, shape)];
    const fold = ([a = null, b = null]: readonly Dim[]): Dim => {
      if (typeof a === 'number' && typeof b === 'number') return rounded(apply(a, b, dataType), dataType);
      if (b === neutral) return a;
      return commutes && a === neutral ? b : null;
    };
    return [valueOf(dataType, shape, foldElements(inputs, shape, fold))];
  };
}

/** Of any number of operands. */
const variadic =
  (apply: (a: number, b: number) => number): ShapeRule =>
  ({ inputs }) => {
    const shape = broadcastShapes(inputs.map((input) => input?.shape ?? null));
    const dataType = inputs[0]?.dataType;
    const fold = (operands: readonly Dim[]): Dim =>
      operands.every((x) => typeof x === 'number') ? rounded((operands as number[]).reduce(apply), dataType) : null;
    return [valueOf(dataType, shape, foldElements(inputs, shape, fold))];
  };

/** Bool result. `same`: what it says of two equal symbolic dimensions. */
const compare =
  (apply: (a: number, b: number) => boolean, same?: boolean): ShapeRule =>
  ({ inputs }) => {
    const shape = broadcastShapes(inputs.map((input) => input?.shape ?? null));
    const fold = ([a, b]: readonly Dim[]): Dim => {
      if (typeof a === 'number' && typeof b === 'number') return Number(apply(a, b));
      return same !== undefined && typeof a === 'string' && a === b ? Number(same) : null;
    };
    return [valueOf('bool', shape, foldElements(inputs, shape, fold))];
  };

const isInteger = (dataType: DataType | undefined): boolean =>
  dataType !== undefined && (dataType.startsWith('int') || dataType.startsWith('uint'));

/** A result as the type holds it: whole numbers for integers, float32 precision for float32. */
function rounded(x: number, dataType: DataType | undefined): Dim {
  if (isInteger(dataType)) return Number.isFinite(x) ? Math.trunc(x) : null;
  return dataType === 'float32' ? Math.fround(x) : x;
}

const divide: Arithmetic = (a, b, dataType) => (isInteger(dataType) ? Math.trunc(a / b) : a / b);

function modulo(call: OpCall): ReturnType<ShapeRule> {
  const truncating = intAttribute(call.node, 'fmod', 0) === 1;
  return binary((a, b) => (truncating ? a % b : a - Math.floor(a / b) * b))(call);
}

/** Rounds halves to the even neighbour, as ONNX asks. */
function roundEven(x: number): number {
  const up = Math.round(x);
  return Math.abs(x - Math.trunc(x)) === 0.5 && up % 2 !== 0 ? up - 1 : up;
}

function cast(call: OpCall): ReturnType<ShapeRule> {
  return converted(call, dataTypeOf(intAttribute(call.node, 'to', 0)));
}

/** Constants of 16-bit floats beyond this many elements are stored weights: decoding them took a fifth of mapping. */
const mostHalves = 64;

function converted({ inputs: [x] }: OpCall, to: DataType | undefined): ReturnType<ShapeRule> {
  if (!x) return [];
  const { tensor } = x;
  if (tensor && /float16$/.test(tensor.dataType) && elementCount(tensor.dims) > mostHalves)
    return [valueOf(to, x.shape)];
  const convert = ([a = null]: readonly Dim[]): Dim => {
    if (typeof a !== 'number') return to === 'bool' ? null : a;
    return to === 'bool' ? Number(a !== 0) : rounded(a, to);
  };
  return [valueOf(to, x.shape, to && to !== 'string' ? foldElements([x], x.shape, convert) : undefined)];
}

function where({ inputs }: OpCall): ReturnType<ShapeRule> {
  const shape = broadcastShapes(inputs.map((input) => input?.shape ?? null));
  const fold = ([condition, a = null, b = null]: readonly Dim[]): Dim => {
    if (typeof condition === 'number') return condition ? a : b;
    return a === b ? a : null;
  };
  return [valueOf(inputs[1]?.dataType ?? inputs[2]?.dataType, shape, foldElements(inputs, shape, fold))];
}

/** The mask, where asked for, is bool. */
const dropout: ShapeRule = ({ inputs: [x] }) => (x ? [x, valueOf('bool', x.shape)] : []);

const isMade = [
  'Acos',
  'Acosh',
  'Asin',
  'Asinh',
  'Atan',
  'Atanh',
  'BitwiseNot',
  'Celu',
  'Cosh',
  'CumProd',
  'CumSum',
  'Elu',
  'Gelu',
  'HardSigmoid',
  'HardSwish',
  'Hardmax',
  'InstanceNormalization',
  'LRN',
  'LeakyRelu',
  'LogSoftmax',
  'LpNormalization',
  'MeanVarianceNormalization',
  'Mish',
  'PRelu',
  'RotaryEmbedding',
  'ScatterElements',
  'ScatterND',
  'Scatter',
  'Selu',
  'Shrink',
  'Sigmoid',
  'Sinh',
  'Softmax',
  'Softplus',
  'Softsign',
  'Swish',
  'Tan',
  'TensorScatter',
  'ThresholdedRelu',
  'Trilu',
  'Tanh',
  'Erf',
  'GroupNormalization',
  'RMSNormalization',
  'ReverseSequence',
  'SimplifiedLayerNormalization',
  'Clip',
] as const;

export const elementwiseRules: RuleTable = {
  ...Object.fromEntries(isMade.map((opType) => [opType, unary()])),
  Abs: unary(Math.abs),
  Neg: unary((x) => -x),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(roundEven),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sin: unary(Math.sin),
  Cos: unary(Math.cos),
  Reciprocal: unary((x) => 1 / x),
  Sign: unary(Math.sign),
  Relu: unary((x) => Math.max(0, x)),
  Not: not,
  IsNaN: test(Number.isNaN),
  IsInf: test((x) => Math.abs(x) === Infinity),
  Identity: ({ inputs: [x] }) => [x],
  Dropout: dropout,
  Add: binary((a, b) => a + b, 0, true),
  Sub: binary((a, b) => a - b, 0),
  Mul: binary((a, b) => a * b, 1, true),
  Div: binary(divide, 1),
  Pow: binary((a, b) => a ** b, 1),
  Mod: modulo,
  BitShift: binary(),
  BitwiseAnd: binary(),
  BitwiseOr: binary(),
  BitwiseXor: binary(),
  Max: variadic(Math.max),
  Min: variadic(Math.min),
  Sum: variadic((a, b) => a + b),
  Mean: ({ inputs }) => [valueOf(inputs[0]?.dataType, broadcastShapes(inputs.map((x) => x?.shape ?? null)))],
  And: compare((a, b) => a !== 0 && b !== 0),
  Or: compare((a, b) => a !== 0 || b !== 0),
  Xor: compare((a, b) => (a !== 0) !== (b !== 0)),
  Equal: compare((a, b) => a === b, true),
  Greater: compare((a, b) => a > b, false),
  Less: compare((a, b) => a < b, false),
  GreaterOrEqual: compare((a, b) => a >= b, true),
  LessOrEqual: compare((a, b) => a <= b, true),
  Where: where,
  Cast: cast,
  CastLike: (call) => converted(call, call.inputs[1]?.dataType),
};
