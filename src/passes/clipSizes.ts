/**
 * Shapes at bound sizes that hold for every number of clips in a call: the batch stays free, everything else is a
 * number. A size that grows with the batch is a multiple of CLIP, a prime that no real size is a multiple of; so sizes
 * can be multiplied, split and compared as numbers, and none is taken for a constant that is not one.
 */
import type { DataType, Model } from '../onnx/model';
import { inferValues } from '../onnx/shapes/inferShapes';
import type { Value } from '../onnx/shapes/Value';
import { isConcrete, numbersOf } from '../onnx/shapes/Value';

export const CLIP = 1_000_003;
/** Second inference: what is neither constant nor a multiple of the batch (a batch plus one, say) is told by it. */
const OTHER = 1_000_033;

export interface ClipSizes {
  readonly dataType: DataType | undefined;
  /** Undefined where a dimension is neither a number nor a multiple of CLIP. */
  readonly shape: readonly number[] | undefined;
  /** Elements that are the same for every batch. */
  readonly constant: readonly number[] | undefined;
}

/** Grows with the batch. */
export const perClip = (size: number): boolean => size > 0 && size % CLIP === 0;

/**
 * Value name -> sizes. `bindings`: sizes of symbolic dimensions at a batch of `batch` clips; those named in `free`
 * follow the number of clips. Functions must be inlined. Throws as shape inference.
 */
export function clipSizes(
  model: Model,
  bindings: ReadonlyMap<string, number>,
  free: ReadonlySet<string> = new Set(),
  batch = 1,
): ReadonlyMap<string, ClipSizes> {
  const bound = (clips: number) =>
    new Map([...bindings].map(([name, size]) => [name, free.has(name) ? (size / batch) * clips : size] as const));
  const first = inferValues(model, bound(CLIP));
  const second = free.size === 0 ? first : inferValues(model, bound(OTHER));
  return new Map([...first].map(([name, value]) => [name, sizesOf(value, second.get(name))] as const));
}

function sizesOf(a: Value, b: Value | undefined): ClipSizes {
  const shape =
    a.shape && b?.shape && isConcrete(a.shape) && isConcrete(b.shape) ? agreed(a.shape, b.shape) : undefined;
  let constant: readonly number[] | undefined;
  let isCompared = false;
  return {
    dataType: a.dataType,
    shape,
    /** Compared when asked for: most values are vectors of weights, whose elements nobody wants. */
    get constant() {
      if (!isCompared) constant = shape?.some(perClip) ? undefined : sameElements(a, b);
      isCompared = true;
      return constant;
    },
  };
}

function sameElements(a: Value, b: Value | undefined): readonly number[] | undefined {
  if (a.tensor && a.tensor === b?.tensor) return numbersOf(a);
  const [left, right] = [numbersOf(a), b && numbersOf(b)];
  return left && right && left.every((element, i) => Object.is(element, right[i])) ? left : undefined;
}

function agreed(a: readonly number[], b: readonly number[]): readonly number[] | undefined {
  const same =
    a.length === b.length && a.every((size, i) => size === b[i] || (perClip(size) && (size / CLIP) * OTHER === b[i]));
  return same ? a : undefined;
}

/** What a Reshape may be given: the one size that grows with the batch is left open. Undefined where there are two, or a size of 0. */
export function reshapeTarget(shape: readonly number[]): readonly number[] | undefined {
  if (shape.filter(perClip).length > 1 || shape.includes(0)) return undefined;
  return shape.map((size) => (perClip(size) ? -1 : size));
}
