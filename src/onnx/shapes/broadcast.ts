/** Multidirectional broadcasting of shapes and of small constants, as ONNX defines it. */
import { present } from '../../errors/present';
import { elementCount } from '../dataTypes';
import type { Dim } from '../model';
import { elementsOf, isConcrete, maxElements, type Value } from './Value';

/** Null when a rank is unknown. A dimension that cannot be told is null. */
export function broadcastShapes(shapes: readonly (readonly Dim[] | null)[]): readonly Dim[] | null {
  return shapes.every((shape) => shape !== null) ? broadcastKnown(shapes) : null;
}

/** As `broadcastShapes`, of shapes whose ranks are known. */
export function broadcastKnown(shapes: readonly (readonly Dim[])[]): readonly Dim[] {
  const rank = shapes.reduce((most, { length }) => Math.max(most, length), 0);
  const result: Dim[] = new Array<Dim>(rank).fill(1);
  for (const shape of shapes)
    for (const [i, dim] of shape.entries()) {
      const at = rank - shape.length + i;
      result[at] = broadcastDims(result[at] ?? null, dim);
    }
  return result;
}

/** Of two dims that must agree: the one that decides. */
function broadcastDims(a: Dim, b: Dim): Dim {
  if (a === 1) return b;
  if (b === 1 || a === b) return a;
  if (typeof a === 'number') return a; // the other is unknown (1 or the same)
  if (typeof b === 'number') return b;
  return null;
}

/**
 * Elements of an element-wise function of small constants; undefined when one is not known or too large. `apply` is given
 * the same array each time.
 */
export function foldElements(
  inputs: readonly (Value | undefined)[],
  shape: readonly Dim[] | null,
  apply: (operands: readonly Dim[]) => Dim,
): readonly Dim[] | undefined {
  if (!shape || !isConcrete(shape)) return undefined;
  const count = elementCount(shape);
  if (count > maxElements) return undefined;
  const columns: (readonly Dim[])[] = [];
  for (const input of inputs) {
    const elements = elementsOf(input);
    if (!elements || !input?.shape || !isConcrete(input.shape)) return undefined;
    columns.push(broadcastElements(elements, input.shape, shape));
  }
  const folded = new Array<Dim>(count);
  const operands = new Array<Dim>(columns.length);
  for (let i = 0; i < count; i++) {
    for (let at = 0; at < columns.length; at++) operands[at] = columns[at]?.[i] ?? null;
    folded[i] = apply(operands);
  }
  return folded;
}

/** The elements of a tensor of shape `from`, broadcast to shape `to`. */
export function broadcastElements(
  elements: readonly Dim[],
  from: readonly number[],
  to: readonly number[],
): readonly Dim[] {
  const count = elementCount(to);
  if (elements.length === count) return elements;
  if (elements.length === 1) return new Array<Dim>(count).fill(elements[0] ?? null);
  const strides = stridesOf(from);
  return Array.from({ length: count }, (_, flat) => {
    let rest = flat;
    let at = 0;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const length = present(to[axis]);
      const i = rest % length;
      rest = (rest - i) / length;
      const own = axis - (to.length - from.length);
      if (own >= 0 && from[own] !== 1) at += i * present(strides[own]);
    }
    return elements[at] ?? null;
  });
}

export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--)
    strides[axis] = present(strides[axis + 1]) * present(shape[axis + 1]);
  return strides;
}

/**
 * Elements at the product of index lists, one list per axis: what Slice, Gather, Split and Transpose keep. Undefined when they
 * are too many. `strides`: distance between neighbours along each of these axes.
 */
export function pickElements(
  elements: readonly Dim[],
  strides: readonly number[],
  indices: readonly (readonly number[])[],
): readonly Dim[] | undefined {
  const count = elementCount(indices.map((list) => list.length));
  if (count > maxElements) return undefined;
  let offsets = count === 0 ? [] : [0];
  indices.forEach((list, axis) => {
    offsets = offsets.flatMap((offset) => list.map((i) => offset + i * present(strides[axis])));
  });
  return offsets.map((offset) => elements[offset] ?? null);
}

export const indexRange = (length: number): readonly number[] => Array.from({ length }, (_, i) => i);
