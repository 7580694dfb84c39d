/** Shape rules of operators that move elements without computing: reshape, slice, gather, concatenate, pad. */
import { present } from '../../errors/present';
import { elementCount } from '../dataTypes';
import type { Dim } from '../model';
import { broadcastShapes, foldElements, indexRange, pickElements, stridesOf } from './broadcast';
import { addCounted } from './countedDims';
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
import {
  elementsOf,
  intVector,
  isConcrete,
  maxElements,
  numbersOf,
  product,
  unknownDims,
  type Value,
  valueOf,
} from './Value';

type Result = ReturnType<ShapeRule>;

/** An integer list given as an attribute in old opsets and as an input in new ones. */
function listOf({ node, inputs }: OpCall, attribute: string, input: number): readonly number[] | undefined {
  return intsAttribute(node, attribute) ?? numbersOf(inputs[input]);
}

/** The same elements in the same order under another shape. */
const viewed = (x: Value | undefined, shape: readonly Dim[] | null): Result => {
  const elements = shape && isConcrete(shape) ? elementsOf(x) : undefined;
  return [valueOf(x?.dataType, shape, elements?.length === product(shape ?? []) ? elements : undefined)];
};

function shape({ node, inputs: [x] }: OpCall): Result {
  if (!x?.shape) return [valueOf('int64', [null])];
  return [intVector(x.shape.slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', x.shape.length)))];
}

const size: ShapeRule = ({ inputs: [x] }) => [valueOf('int64', [], [x?.shape ? product(x.shape) : null])];

function reshape(call: OpCall): Result {
  const x = call.inputs[0];
  const target = intsAttribute(call.node, 'shape') ?? elementsOf(call.inputs[1]);
  if (!target) return [valueOf(x?.dataType, unknownDims(shapeOf(call, 1)?.[0]))];
  const copyZero = intAttribute(call.node, 'allowzero', 0) === 0;
  const dims = target.map((dim, i) => (dim === 0 && copyZero ? (x?.shape?.[i] ?? null) : dim));
  return viewed(x, inferMinusOne(x?.shape ?? null, dims));
}

/** Replaces -1, or a single unknown dimension, by what the number of elements leaves for it. */
function inferMinusOne(from: readonly Dim[] | null, target: readonly Dim[]): readonly Dim[] {
  const open = target.flatMap((dim, i) => (dim === -1 || dim === null ? [i] : []));
  if (open.length === 0) return target;
  const answer =
    open.length === 1 && from
      ? remainder(
          from,
          target.filter((_, i) => i !== open[0]),
        )
      : null;
  return target.map((dim, i) => (i === open[0] ? answer : dim === -1 ? null : dim));
}

/** product(from) / product(to), cancelling equal symbols. */
function remainder(from: readonly Dim[], to: readonly Dim[]): Dim {
  const rest = [...from];
  for (const dim of to) {
    if (typeof dim === 'number') continue;
    const at = rest.indexOf(dim);
    if (dim === null || at < 0) return null;
    rest.splice(at, 1);
  }
  const divisor = elementCount(to.filter((dim) => typeof dim === 'number'));
  const symbols = rest.filter((dim) => typeof dim !== 'number');
  const numerator = elementCount(rest.filter((dim) => typeof dim === 'number'));
  if (symbols.length === 1 && numerator === divisor) return symbols[0] ?? null;
  const quotient = numerator / divisor;
  return symbols.length === 0 && Number.isInteger(quotient) ? quotient : null;
}

function flatten(call: OpCall): Result {
  const from = shapeOf(call, 0);
  if (!from) return [valueOf(typeOf(call, 0), [null, null])];
  const axis = intAttribute(call.node, 'axis', 1);
  const at = axis < 0 ? axis + from.length : axis;
  return viewed(call.inputs[0], [product(from.slice(0, at)), product(from.slice(at))]);
}

function squeeze(call: OpCall): Result {
  const from = shapeOf(call, 0);
  const given = call.inputs[1] || call.node.attributes.has('axes') ? listOf(call, 'axes', 1) : 'ones';
  if (!from || !given) return [valueOf(typeOf(call, 0), null)];
  if (given === 'ones' && !isConcrete(from)) return [valueOf(typeOf(call, 0), null)];
  const axes = given === 'ones' ? undefined : resolveAxes(given, from.length);
  return viewed(
    call.inputs[0],
    from.filter((dim, i) => (axes ? !axes.includes(i) : dim !== 1)),
  );
}

function unsqueeze(call: OpCall): Result {
  const from = shapeOf(call, 0);
  const given = listOf(call, 'axes', 1);
  const axes = from && given && resolveAxes(given, from.length + given.length);
  if (!from || !axes) return [valueOf(typeOf(call, 0), null)];
  const dims = [...from];
  for (const axis of [...axes].sort((a, b) => a - b)) dims.splice(axis, 0, 1);
  return viewed(call.inputs[0], dims);
}

function transpose({ node, inputs: [x] }: OpCall): Result {
  if (!x?.shape) return [valueOf(x?.dataType, null)];
  const from = x.shape;
  const order = intsAttribute(node, 'perm') ?? indexRange(from.length).toReversed();
  const dims = order.map((axis) => from[axis] ?? null);
  const elements = elementsOf(x);
  if (!elements || !isConcrete(from) || !isConcrete(dims)) return [valueOf(x.dataType, dims)];
  const strides = stridesOf(from);
  return [
    valueOf(
      x.dataType,
      dims,
      pickElements(
        elements,
        order.map((axis) => present(strides[axis])),
        dims.map(indexRange),
      ),
    ),
  ];
}

function expand({ inputs: [x, target] }: OpCall): Result {
  const wanted = elementsOf(target);
  if (!wanted) {
    const rank = target?.shape?.[0];
    return [
      valueOf(x?.dataType, x?.shape && typeof rank === 'number' ? unknownDims(Math.max(rank, x.shape.length)) : null),
    ];
  }
  const dims = broadcastShapes([x?.shape ?? null, wanted]);
  return [
    valueOf(
      x?.dataType,
      dims,
      foldElements([x], dims, ([element = null]) => element),
    ),
  ];
}

function tile({ inputs: [x, repeats] }: OpCall): Result {
  const times = elementsOf(repeats);
  if (!x?.shape) return [valueOf(x?.dataType, unknownDims(repeats?.shape?.[0]))];
  return [
    valueOf(
      x.dataType,
      x.shape.map((dim, i) => {
        const factor = times?.[i];
        if (factor === 1) return dim;
        if (dim === 1 && factor !== undefined) return factor;
        return typeof dim === 'number' && typeof factor === 'number' ? dim * factor : null;
      }),
    ),
  ];
}

function concat({ node, inputs }: OpCall): Result {
  const known = inputs.find((input) => input?.shape)?.shape;
  const dataType = inputs.find((input) => input?.dataType)?.dataType;
  const axis = known ? resolveAxis(intAttribute(node, 'axis', 1), known.length) : undefined;
  if (!known || axis === undefined) return [valueOf(dataType, null)];
  const dims = known.map((dim, i) => {
    const all = inputs.map((input) => input?.shape?.[i] ?? null);
    if (i !== axis) return all.find((other) => typeof other === 'number') ?? dim;
    return all.length === 1 ? (all[0] ?? null) : isConcrete(all) ? sum(all) : addCounted(all);
  });
  return [valueOf(dataType, dims, concatElements(inputs, dims, axis))];
}

const sum = (lengths: readonly number[]): number => lengths.reduce((total, length) => total + length, 0);

function concatElements(
  inputs: readonly (Value | undefined)[],
  dims: readonly Dim[],
  axis: number,
): readonly Dim[] | undefined {
  if (!isConcrete(dims) || elementCount(dims) > maxElements) return undefined;
  const parts = inputs.map(elementsOf);
  if (!parts.every((part) => part !== undefined)) return undefined;
  if (elementCount(dims) === 0) return [];
  const rows = elementCount(dims.slice(0, axis));
  return indexRange(rows).flatMap((row) =>
    parts.flatMap((part) => part.slice((row * part.length) / rows, ((row + 1) * part.length) / rows)),
  );
}

function split(call: OpCall): Result {
  const x = call.inputs[0];
  const count = call.node.outputs.length;
  const axis = x?.shape ? resolveAxis(intAttribute(call.node, 'axis', 0), x.shape.length) : undefined;
  if (!x?.shape || axis === undefined) return new Array<Value>(count).fill(valueOf(x?.dataType, null));
  const { dataType, shape } = x;
  const total = shape[axis] ?? null;
  const given = intsAttribute(call.node, 'split') ?? elementsOf(call.inputs[1]);
  const atRunTime = given === undefined && call.inputs[1] !== undefined;
  if (atRunTime) return new Array<Value>(count).fill(valueOf(dataType, shape.with(axis, null)));
  const even = typeof total === 'number' ? Math.ceil(total / count) : null;
  const lengths =
    given ??
    Array.from({ length: count }, (_, i): Dim => (even === null ? null : Math.min(even, (total as number) - i * even)));
  const fits =
    typeof total === 'number' &&
    isConcrete(lengths) &&
    sum(lengths) === total &&
    lengths.every((length) => length >= 0);
  let start = 0;
  return lengths.map((length) => {
    const dims = shape.with(axis, length);
    const elements =
      fits && typeof length === 'number' && elementsOf(x)
        ? pickAlong(
            x,
            axis,
            indexRange(length).map((i) => start + i),
          )
        : undefined;
    start += typeof length === 'number' ? length : 0;
    return valueOf(dataType, dims, elements);
  });
}

/** Elements at `indices` of one axis, all of the others. */
function pickAlong(x: Value, axis: number, indices: readonly number[]): readonly Dim[] | undefined {
  const elements = elementsOf(x);
  const from = x.shape;
  if (!elements || !from || !isConcrete(from)) return undefined;
  return pickElements(
    elements,
    stridesOf(from),
    from.map((length, i) => (i === axis ? indices : indexRange(length))),
  );
}

function slice(call: OpCall): Result {
  const x = call.inputs[0];
  if (!x?.shape) return [valueOf(x?.dataType, null)];
  const attributes = call.node.attributes.has('starts');
  const list = (name: string, input: number): readonly Dim[] | undefined =>
    attributes ? intsAttribute(call.node, name) : elementsOf(call.inputs[input]);
  const starts = list('starts', 1);
  const ends = list('ends', 2);
  const rank = x.shape.length;
  const count = starts?.length ?? ends?.length ?? call.inputs[1]?.shape?.[0];
  const given =
    list('axes', 3) ??
    (!attributes && call.inputs[3]
      ? undefined
      : typeof count === 'number' && count <= rank
        ? indexRange(count)
        : undefined);
  const axes = given && isConcrete(given) ? resolveAxes(given, rank) : undefined;
  if (!axes) return [valueOf(x.dataType, unknownDims(rank))];
  const steps = list('steps', 4) ?? (call.inputs[4] && !attributes ? undefined : axes.map(() => 1));
  const kept = x.shape.map((length, axis) => {
    const at = axes.indexOf(axis);
    return at < 0
      ? wholeAxis(length)
      : sliceAxis(length, starts?.[at] ?? null, ends?.[at] ?? null, steps?.[at] ?? null);
  });
  const dims = kept.map(({ length }) => length);
  const elements = elementsOf(x);
  if (!elements || !isConcrete(x.shape) || !isConcrete(dims)) return [valueOf(x.dataType, dims)];
  const indices = kept.map(({ start, step }, axis) => indexRange(present(dims[axis])).map((i) => start + i * step));
  return [valueOf(x.dataType, dims, pickElements(elements, stridesOf(x.shape), indices))];
}

interface KeptRange {
  readonly length: Dim;
  readonly start: number;
  readonly step: number;
}

const wholeAxis = (length: Dim): KeptRange => ({ length, start: 0, step: 1 });

/** Clamps as ONNX does: to [0, n] going up, to [-1, n - 1] going down. */
function sliceAxis(length: Dim, start: Dim, end: Dim, step: Dim): KeptRange {
  const toTheEnd = end === length || (typeof end === 'number' && end > 2 ** 31 - 2);
  if (start === 0 && step === 1 && toTheEnd) return wholeAxis(length);
  if (
    typeof length !== 'number' ||
    typeof start !== 'number' ||
    typeof end !== 'number' ||
    typeof step !== 'number' ||
    step === 0
  )
    return wholeAxis(null);
  const clamp = (x: number, low: number, high: number) => Math.max(low, Math.min(high, x < 0 ? x + length : x));
  const [from, to] =
    step > 0
      ? [clamp(start, 0, length), clamp(end, 0, length)]
      : [clamp(start, 0, length - 1), clamp(end, -1, length - 1)];
  return { length: Math.max(0, Math.ceil((to - from) / step)), start: from, step };
}

function gather(call: OpCall): Result {
  const [x, indices] = call.inputs;
  const axis = x?.shape ? resolveAxis(intAttribute(call.node, 'axis', 0), x.shape.length) : undefined;
  if (!x?.shape || !indices?.shape || axis === undefined) return [valueOf(x?.dataType, null)];
  const dims = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const at = elementsOf(x) && isConcrete(x.shape) ? numbersOf(indices) : undefined;
  const length = x.shape[axis];
  const elements =
    at && Number(product(dims)) <= maxElements
      ? pickAlong(
          x,
          axis,
          at.map((i) => (i < 0 ? i + (length as number) : i)),
        )
      : undefined;
  return [valueOf(x.dataType, dims, elements)];
}

const gatherElements: ShapeRule = (call) => [valueOf(typeOf(call, 0), shapeOf(call, 1))];

function gatherNd(call: OpCall): Result {
  const from = shapeOf(call, 0);
  const indices = shapeOf(call, 1);
  const depth = indices?.at(-1);
  if (!from || !indices || typeof depth !== 'number') return [valueOf(typeOf(call, 0), null)];
  const batch = intAttribute(call.node, 'batch_dims', 0);
  return [valueOf(typeOf(call, 0), [...indices.slice(0, -1), ...from.slice(batch + depth)])];
}

function pad(call: OpCall): Result {
  const from = shapeOf(call, 0);
  if (!from) return [valueOf(typeOf(call, 0), null)];
  const pads = intsAttribute(call.node, 'pads') ?? intsAttribute(call.node, 'paddings') ?? elementsOf(call.inputs[1]);
  const given = call.inputs[3] ? numbersOf(call.inputs[3]) : indexRange(from.length);
  const axes = given && resolveAxes(given, from.length);
  if (!pads || !axes) return [valueOf(typeOf(call, 0), unknownDims(from.length))];
  return [
    valueOf(
      typeOf(call, 0),
      from.map((dim, axis) => {
        const at = axes.indexOf(axis);
        if (at < 0) return dim;
        const [before, after] = [pads[at], pads[at + axes.length]];
        if (before === 0 && after === 0) return dim;
        return typeof dim === 'number' && typeof before === 'number' && typeof after === 'number'
          ? dim + before + after
          : null;
      }),
    ),
  ];
}

const scaled = (dim: Dim | undefined, factor: number): Dim => (typeof dim === 'number' ? dim * factor : null);

function depthToSpace(call: OpCall): Result {
  const from = shapeOf(call, 0);
  const block = intAttribute(call.node, 'blocksize', 1);
  return [
    valueOf(
      typeOf(call, 0),
      from && [from[0] ?? null, scaled(from[1], 1 / block ** 2), scaled(from[2], block), scaled(from[3], block)],
    ),
  ];
}

function spaceToDepth(call: OpCall): Result {
  const from = shapeOf(call, 0);
  const block = intAttribute(call.node, 'blocksize', 1);
  return [
    valueOf(
      typeOf(call, 0),
      from && [from[0] ?? null, scaled(from[1], block ** 2), scaled(from[2], 1 / block), scaled(from[3], 1 / block)],
    ),
  ];
}

export const arrangementRules: RuleTable = {
  Shape: shape,
  Size: size,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  Tile: tile,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
