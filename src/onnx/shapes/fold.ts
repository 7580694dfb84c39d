/** Content of small tensors, computed from the content of others: what shape subgraphs are made of. Row-major. */
import type { DataType, Node } from '../model';
import { tensorValues } from '../tensorValues';
import type { Operand, Shape } from './rules';
import { atAxis, broadcast, intAttribute, sliceRange } from './rules';

/** Larger tensors are not folded: shapes are short. */
export const MAX_FOLDED_VALUES = 4096;

type Values = readonly number[];
type Operands = readonly (Operand | undefined)[];

const INTEGER_TYPES: readonly (DataType | undefined)[] = ['int64', 'int32', 'int16', 'int8', 'uint8', 'uint16', 'uint32', 'uint64'];

const binary: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Pow: (a, b) => a ** b,
  Min: Math.min,
  Max: Math.max,
  Mod: (a, b) => ((a % b) + b) % b,
  Equal: (a, b) => Number(a === b),
  Less: (a, b) => Number(a < b),
  LessOrEqual: (a, b) => Number(a <= b),
  Greater: (a, b) => Number(a > b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  And: (a, b) => Number(a !== 0 && b !== 0),
  Or: (a, b) => Number(a !== 0 || b !== 0),
};

const unary: Readonly<Record<string, (a: number) => number>> = {
  Identity: (a) => a, Neg: (a) => -a, Abs: Math.abs, Floor: Math.floor, Ceil: Math.ceil, Sqrt: Math.sqrt, Not: (a) => Number(a === 0), Reciprocal: (a) => 1 / a, Round: Math.round, Sign: Math.sign,
};

/** `undefined`: not foldable, or an operand is not known. `shape` is the (known) shape of the first output. */
export function foldValues(node: Node, inputs: Operands, shape: Shape | undefined): Values | undefined {
  if (node.domain !== '' || !shape || shape.reduce((a, b) => a * b, 1) > MAX_FOLDED_VALUES) return undefined;
  if (node.opType === 'Shape') {
    const whole = inputs[0]?.shape;
    return whole?.slice(...rangeOf(node, whole.length));
  }
  if (node.opType === 'Size') return inputs[0]?.shape && [inputs[0].shape.reduce((a, b) => a * b, 1)];
  if (node.opType === 'ConstantOfShape') return fill(node, shape);
  if (inputs.some((operand) => operand && !operand.values)) return undefined;
  return foldKnown(node, inputs, shape);
}

function rangeOf(node: Node, rank: number): [number, number] {
  const { first, count } = sliceRange(rank, intAttribute(node, 'start', 0), intAttribute(node, 'end', rank), 1);
  return [first, first + count];
}

function fill(node: Node, shape: Shape): Values {
  const value = node.attributes.get('value');
  const filler = value?.kind === 'tensor' ? Number(tensorValues(value.value)?.[0] ?? 0) : 0;
  return Array<number>(shape.reduce((a, b) => a * b, 1)).fill(filler);
}

function foldKnown(node: Node, inputs: Operands, shape: Shape): Values | undefined {
  const values = (index: number) => inputs[index]?.values ?? [];
  const operator = binary[node.opType];
  if (operator && inputs.length === 2) return zip(inputs, shape, (a, b) => operator(a!, b!));
  const single = unary[node.opType];
  if (single) return values(0).map(single);
  switch (node.opType) {
    case 'Div': {
      const integer = INTEGER_TYPES.includes(inputs[0]?.dataType);
      return zip(inputs, shape, (a, b) => (integer ? Math.trunc(a! / b!) : a! / b!));
    }
    case 'Where': return zip(inputs, shape, (condition, a, b) => (condition ? a! : b!));
    case 'Cast': return castTo(node, values(0));
    case 'Reshape': case 'Squeeze': case 'Unsqueeze': case 'Flatten': return values(0);
    case 'Expand': return zip([inputs[0]], shape, (a) => a!);
    case 'Concat': return inputs.every((operand) => operand?.shape?.length === 1) ? inputs.flatMap((operand) => operand!.values!) : undefined;
    case 'Gather': return foldGather(node, inputs);
    case 'Slice': return foldSlice(inputs);
    case 'Range': return Array.from({ length: shape[0]! }, (_, index) => values(0)[0]! + index * values(2)[0]!);
    case 'ReduceProd': return shape.length === 0 || shape[0] === 1 ? [values(0).reduce((a, b) => a * b, 1)] : undefined;
    case 'ReduceSum': return shape.length === 0 || shape[0] === 1 ? [values(0).reduce((a, b) => a + b, 0)] : undefined;
    default: return undefined;
  }
}

function castTo(node: Node, values: Values): Values {
  const FLOATING = [1, 10, 11, 16];
  return FLOATING.includes(intAttribute(node, 'to', 1)) ? values : values.map(Math.trunc);
}

/** Applies `operator` to broadcast operands. */
function zip(inputs: Operands, shape: Shape, operator: (...values: (number | undefined)[]) => number): Values | undefined {
  const shapes = inputs.map((operand) => operand!.shape);
  if (!broadcast(shapes)) return undefined;
  const count = shape.reduce((a, b) => a * b, 1);
  return Array.from({ length: count }, (_, flat) => operator(...inputs.map((operand) => operand!.values![offsetIn(operand!.shape!, shape, flat)])));
}

/** Where element `flat` of `shape` lies in an operand that is broadcast to it. */
function offsetIn(own: Shape, shape: Shape, flat: number): number {
  let offset = 0;
  let stride = 1;
  let rest = flat;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const index = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
    const ownAxis = axis - shape.length + own.length;
    if (ownAxis < 0) continue;
    if (own[ownAxis] !== 1) offset += index * stride;
    stride *= own[ownAxis]!;
  }
  return offset;
}

function foldGather(node: Node, inputs: Operands): Values | undefined {
  const [x, indices] = [inputs[0]!, inputs[1]!];
  if (x.shape?.length !== 1 || atAxis(intAttribute(node, 'axis', 0), 1) !== 0) return undefined;
  return indices.values!.map((index) => x.values![index < 0 ? index + x.values!.length : index]!);
}

function foldSlice(inputs: Operands): Values | undefined {
  const x = inputs[0]!;
  if (x.shape?.length !== 1 || !inputs[1] || !inputs[2]) return undefined;
  const step = inputs[4]?.values?.[0] ?? 1;
  const { first, count } = sliceRange(x.shape[0]!, inputs[1].values![0]!, inputs[2].values![0]!, step);
  return Array.from({ length: count }, (_, index) => x.values![first + index * step]!);
}
