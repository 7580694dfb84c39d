/**
 * What shape inference knows of one value: type, shape, and for small tensors the elements, because exporters
 * compute shapes inside the graph. Nothing is guessed: `null` is a dimension or element that is not known.
 */
import { elementCount } from '../dataTypes';
import type { DataType, Dim, Tensor } from '../model';
import { tensorValues } from '../tensorValues';

export interface Value {
  readonly dataType: DataType | undefined;
  readonly shape: readonly Dim[] | null;
  /** Row-major; a string is a symbolic dimension's size. Present only when the shape is all numbers. */
  readonly elements?: readonly Dim[];
  /** A constant whose elements are decoded when somebody asks. */
  readonly tensor?: Tensor;
  /** How many elements are not zero, where that follows from another value's (a mask turned round). */
  readonly nonZeros?: Dim;
}

/** Larger constants are weights or masks: no exporter computes shapes with them. */
export const maxElements = 1024;

export const unknownValue: Value = { dataType: undefined, shape: null };

export const valueOf = (
  dataType: DataType | undefined,
  shape: readonly Dim[] | null,
  elements?: readonly Dim[],
): Value => (elements ? { dataType, shape, elements } : { dataType, shape });

/** An int64 vector. */
export const intVector = (elements: readonly Dim[]): Value => ({
  dataType: 'int64',
  shape: [elements.length],
  elements,
});

export const constantValue = (tensor: Tensor): Value => ({ dataType: tensor.dataType, shape: tensor.dims, tensor });

const decoded = new WeakMap<Tensor, readonly number[] | null>();

/** The elements of a small value; undefined when unknown as a whole or too many. Single ones may be null. */
export function elementsOf(value: Value | undefined): readonly Dim[] | undefined {
  if (!value || value.shape?.some((dim) => Number(dim) > maxElements)) return undefined; // a dimension may be large beside one of 0
  if (value.elements || !value.tensor) return value.elements;
  let elements = decoded.get(value.tensor);
  if (elements === undefined) {
    const values = elementCount(value.tensor.dims) <= maxElements ? tensorValues(value.tensor) : undefined;
    elements = values ? Array.from(values as ArrayLike<number | bigint>, Number) : null;
    decoded.set(value.tensor, elements);
  }
  return elements ?? undefined;
}

/** The elements when every one is a number. */
export function numbersOf(value: Value | undefined): readonly number[] | undefined {
  const elements = elementsOf(value);
  return elements && isConcrete(elements) ? elements : undefined;
}

export const isConcrete = (dims: readonly Dim[]): dims is readonly number[] =>
  dims.every((dim) => typeof dim === 'number');

/** Product of the dims, or null when one is not a number (a zero decides even then). */
export function product(dims: readonly Dim[]): number | null {
  if (dims.includes(0)) return 0;
  return isConcrete(dims) ? elementCount(dims) : null;
}

/** No tensor has more dimensions; nonsense doubles them from node to node. */
export const maxRank = 64;

/** The shape when only its rank is known; null when not even that (or when no tensor has that rank). */
export const unknownDims = (rank: Dim | undefined): readonly Dim[] | null =>
  typeof rank === 'number' && rank <= maxRank ? new Array<Dim>(rank).fill(null) : null;
