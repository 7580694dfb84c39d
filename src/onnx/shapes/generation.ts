/** Shape rules of operators that make values: constants, ranges, fills, random numbers, indices. */
import { present } from '../../errors/present';
import { dataTypeOf, elementCount } from '../dataTypes';
import type { DataType, Dim } from '../model';
import { indexRange } from './broadcast';
import { countOf } from './countedDims';
import {
  floatsAttribute,
  intAttribute,
  intsAttribute,
  type OpCall,
  type RuleTable,
  resolveAxis,
  type ShapeRule,
  shapeOf,
  tensorAttribute,
  typeOf,
} from './OpCall';
import {
  constantValue,
  elementsOf,
  intVector,
  isConcrete,
  maxElements,
  numbersOf,
  product,
  unknownDims,
  valueOf,
} from './Value';

type Result = ReturnType<ShapeRule>;

function constant({ node }: OpCall): Result {
  const tensor = tensorAttribute(node, 'value');
  if (tensor) return [constantValue(tensor)];
  const int = intAttribute(node, 'value_int');
  if (int !== undefined) return [valueOf('int64', [], [int])];
  const ints = intsAttribute(node, 'value_ints');
  if (ints) return [intVector(ints)];
  const float = node.attributes.get('value_float');
  if (float?.kind === 'float') return [valueOf('float32', [], [float.value])];
  const floats = floatsAttribute(node, 'value_floats');
  if (floats) return [valueOf('float32', [floats.length], floats)];
  if (node.attributes.has('value_string')) return [valueOf('string', [])];
  const strings = node.attributes.get('value_strings');
  return strings?.kind === 'strings' ? [valueOf('string', [strings.value.length])] : [];
}

function constantOfShape({ node, inputs: [shape] }: OpCall): Result {
  const fill = tensorAttribute(node, 'value');
  const dataType = fill?.dataType ?? 'float32';
  const dims = elementsOf(shape);
  if (!dims) return [valueOf(dataType, unknownDims(shape?.shape?.[0]))];
  const value = fill ? elementsOf(constantValue(fill))?.[0] : 0;
  if (value === undefined || !isConcrete(dims) || elementCount(dims) > maxElements) return [valueOf(dataType, dims)];
  return [valueOf(dataType, dims, new Array<Dim>(elementCount(dims)).fill(value))];
}

function range({ inputs }: OpCall): Result {
  const [start, limit, step] = inputs.map((input) => numbersOf(input)?.[0]);
  const dataType = inputs.find((input) => input?.dataType)?.dataType;
  if (start === undefined || limit === undefined || !step) {
    const end = elementsOf(inputs[1])?.[0];
    return [valueOf(dataType, [start === 0 && step === 1 && typeof end === 'string' ? end : null])];
  }
  const length = Math.max(0, Math.ceil((limit - start) / step));
  return [
    valueOf(dataType, [length], length <= maxElements ? indexRange(length).map((i) => start + i * step) : undefined),
  ];
}

/** Random numbers of a given shape. */
const random: ShapeRule = ({ node }) => [
  valueOf(dataTypeOf(intAttribute(node, 'dtype', 1)), intsAttribute(node, 'shape') ?? null),
];

/** The type is the attribute's, or that of the input. */
const randomLike: ShapeRule = (call) => {
  const number = intAttribute(call.node, 'dtype');
  return [valueOf(number === undefined ? typeOf(call, 0) : dataTypeOf(number), shapeOf(call, 0))];
};

/** Places known only for small constants; of others, how many there are has a name. */
function nonZero({ node, inputs: [x] }: OpCall): Result {
  const elements = numbersOf(x);
  const dims = x?.shape;
  if (!elements || !dims || !isConcrete(dims))
    return [valueOf('int64', [dims ? dims.length : null, x?.nonZeros ?? countOf(node.inputs[0] ?? '')])];
  const hits = indexRange(elements.length).filter((i) => elements[i] !== 0);
  const columns = dims.map((length, axis) =>
    hits.map((i) => Math.floor(i / elementCount(dims.slice(axis + 1))) % length),
  );
  return [valueOf('int64', [dims.length, hits.length], columns.flat())];
}

function oneHot(call: OpCall): Result {
  const indices = shapeOf(call, 0);
  const depth = numbersOf(call.inputs[1])?.[0] ?? null;
  if (!indices) return [valueOf(typeOf(call, 2), null)];
  const axis = resolveAxis(intAttribute(call.node, 'axis', -1), indices.length + 1) ?? indices.length;
  const dims = indices.toSpliced(axis, 0, depth);
  return [valueOf(typeOf(call, 2), dims, axis === indices.length ? oneHotElements(call, dims) : undefined)];
}

/** Along the last axis: one row of off and on values per index. `repeat_interleave` is exported with these. */
function oneHotElements({ inputs: [indices, , values] }: OpCall, dims: readonly Dim[]): readonly Dim[] | undefined {
  const at = numbersOf(indices);
  const [off, on] = elementsOf(values) ?? [];
  if (!at || off === undefined || on === undefined || !isConcrete(dims) || elementCount(dims) > maxElements)
    return undefined;
  const depth = present(dims.at(-1));
  return at.flatMap((index) => indexRange(depth).map((i) => (i === (index < 0 ? index + depth : index) ? on : off)));
}

const eyeLike: ShapeRule = (call) => {
  const number = intAttribute(call.node, 'dtype');
  return [valueOf(number === undefined ? typeOf(call, 0) : dataTypeOf(number), shapeOf(call, 0))];
};

const compress: ShapeRule = (call) => {
  const x = shapeOf(call, 0);
  const axis = intAttribute(call.node, 'axis');
  const kept = numbersOf(call.inputs[1])?.filter((flag) => flag !== 0).length ?? null;
  if (axis === undefined) return [valueOf(typeOf(call, 0), [kept])];
  const at = x ? resolveAxis(axis, x.length) : undefined;
  return [valueOf(typeOf(call, 0), x && at !== undefined ? x.with(at, kept) : null)];
};

/** Windows such as HannWindow: a vector of the given length. */
const signalWindow: ShapeRule = ({ node, inputs: [size] }) => [
  valueOf(dataTypeOf(intAttribute(node, 'output_datatype', 1)), [numbersOf(size)?.[0] ?? null]),
];

const int64: DataType = 'int64';

/** Of the flattened input, or of slices along an axis; how many there are depends on the values. */
function unique(call: OpCall): Result {
  const x = shapeOf(call, 0);
  const given = intAttribute(call.node, 'axis');
  const axis = x && given !== undefined ? resolveAxis(given, x.length) : undefined;
  const shape = given === undefined ? [null] : x && axis !== undefined ? x.with(axis, null) : null;
  const indices = valueOf(int64, [null]);
  const inverse = given === undefined ? (x ? product(x) : null) : axis === undefined ? null : (x?.[axis] ?? null);
  return [valueOf(typeOf(call, 0), shape), indices, valueOf(int64, [inverse]), indices];
}

/** Draws from each row of unnormalised log-probabilities. */
function multinomial(call: OpCall): Result {
  const type = dataTypeOf(intAttribute(call.node, 'dtype', 6));
  return [valueOf(type, [shapeOf(call, 0)?.[0] ?? null, intAttribute(call.node, 'sample_size', 1)])];
}

export const generationRules: RuleTable = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  RandomNormal: random,
  RandomUniform: random,
  RandomNormalLike: randomLike,
  RandomUniformLike: randomLike,
  NonZero: nonZero,
  OneHot: oneHot,
  EyeLike: eyeLike,
  Compress: compress,
  HannWindow: signalWindow,
  HammingWindow: signalWindow,
  BlackmanWindow: signalWindow,
  Unique: unique,
  Bernoulli: randomLike,
  Multinomial: multinomial,
};
