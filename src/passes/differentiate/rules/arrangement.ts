/** Gradients of operators that move elements: the same elements back to where they came from. */
import { present } from '../../../errors/present';
import { intAttribute, intsAttribute, textAttribute } from '../../../onnx/shapes/OpCall';
import type { Contribution, GradientRules, Rule, RuleCall } from '../Rule';

export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** The same elements in the same order. */
const viewed: Rule = ({ w, inputs: [x], gradient }) => [() => w.reshape(gradient, w.shape(present(x)))];

function transpose({ w, node, inputs: [x], gradient }: RuleCall): ReturnType<Rule> {
  const rank = w.rank(present(x));
  const perm = intsAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  return [
    () =>
      w.transpose(
        gradient,
        perm.map((_, i) => perm.indexOf(i)),
      ),
  ];
}

function concat({ w, node, inputs, gradient }: RuleCall): ReturnType<Rule> {
  const axis = axisOf(intAttribute(node, 'axis', 0), w.rank(gradient));
  let start = 0;
  return inputs.map((name) => {
    const from = start;
    start += present(w.shape(name)[axis]);
    const to = start;
    return () => w.slice(gradient, axis, from, to);
  });
}

function split({ w, node, inputs: [x], gradients }: RuleCall): ReturnType<Rule> {
  const axis = axisOf(intAttribute(node, 'axis', 0), w.rank(present(x)));
  const part = (i: number): string => gradients[i] ?? w.filled(w.shape(present(node.outputs[i])));
  return [
    () =>
      w.concat(
        node.outputs.map((_, i) => part(i)),
        axis,
      ),
  ];
}

/** Starts, ends, axes and steps are inputs (opset 10 on), and must be known. */
function slice({ w, inputs, gradient, numbers, node }: RuleCall): ReturnType<Rule> {
  const [x] = inputs as [string];
  const [starts, ends, axes, steps] = inputs.slice(1).map((name) => numbers(name));
  if (!starts || !ends || (inputs[3] && !axes) || (inputs[4] && !steps)) return [];
  const shape = w.shape(x);
  return [
    (): Contribution => {
      const along = starts.map((_, i) => axisOf(axes?.[i] ?? i, shape.length));
      const cut = along.flatMap((axis, i) => {
        const part = rangeOf(
          present(shape[axis]),
          present(starts[i]),
          steps?.[i] ?? 1,
          present(w.shape(present(node.outputs[0]))[axis]),
        );
        return part.step === 1 && part.count === shape[axis] ? [] : [{ axis, ...part }];
      });
      const [only] = cut;
      if (cut.length === 1 && present(only).step === 1)
        return {
          axis: present(only).axis,
          start: present(only).first,
          end: present(only).first + present(only).count,
          value: gradient,
        };
      let result = gradient;
      for (const { axis, first, step, count } of cut)
        result = placed(w, result, axis, present(shape[axis]), first, step, count);
      return result;
    },
  ];
}

function rangeOf(length: number, start: number, step: number, count: number) {
  const clamped =
    start < 0 ? Math.max(start + length, step < 0 ? -1 : 0) : Math.min(start, step < 0 ? length - 1 : length);
  return { first: clamped, step, count };
}

/** Elements along an axis, put at `first`, `first + step`, ... of one of the given length, zeros between. */
export function placed(
  w: RuleCall['w'],
  x: string,
  axis: number,
  length: number,
  first: number,
  step: number,
  count: number,
): string {
  const rank = w.rank(x);
  const none = new Array<number>(rank).fill(0);
  if (step < 0) {
    const reversed = w.gather(x, w.ints(Array.from({ length: count }, (_, i) => count - 1 - i)), axis);
    return placed(w, reversed, axis, length, first + step * (count - 1), -step, count);
  }
  if (count === 0) return w.filled(w.shape(x).with(axis, length));
  let spread = x;
  if (step > 1) {
    const shape = w.shape(x);
    const apart = w.reshape(x, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
    const padded = w.pad(apart, new Array<number>(rank + 1).fill(0), none.toSpliced(axis + 1, 0, step - 1));
    const all = w.reshape(padded, shape.with(axis, count * step));
    spread = w.slice(all, axis, 0, Math.min(count * step, length - first));
  }
  const used = present(w.shape(spread)[axis]);
  return w.pad(spread, none.with(axis, first), none.with(axis, length - first - used));
}

const expand: Rule = ({ gradient }) => [() => gradient];

/** Sums over the repeats. */
function tile({ w, inputs: [x], gradient }: RuleCall): ReturnType<Rule> {
  return [
    () => {
      const from = w.shape(present(x));
      const repeats = w.shape(gradient).map((dim, i) => dim / present(from[i]));
      const apart = from.flatMap((dim, i) => [present(repeats[i]), dim]);
      const axes = repeats.flatMap((count, i) => (count > 1 ? [2 * i] : []));
      return w.reshape(w.reduceSum(w.reshape(gradient, apart), axes), from);
    },
  ];
}

/** Elements taken at known places that follow one another are a slice; others go back through a product with their selection. */
function gather({ w, node, inputs, gradient, numbers }: RuleCall): ReturnType<Rule> {
  const [x, indices] = inputs as [string, string];
  const shape = w.shape(x);
  const axis = axisOf(intAttribute(node, 'axis', 0), shape.length);
  const length = present(shape[axis]);
  const known = numbers(indices)?.map((index) => axisOf(index, length));
  const count = w.shape(indices).reduce((product, dim) => product * dim, 1);
  const flat = [...shape.slice(0, axis), count, ...shape.slice(axis + 1)];
  return [
    (): Contribution => {
      const rows = w.reshape(gradient, flat);
      if (known?.every((index, i) => index === present(known[0]) + i))
        return { axis, start: present(known[0]), end: present(known[0]) + count, value: rows };
      // [length, count] of zeros and ones, times [count, rest]
      const selection = w.cast(
        w.compare(
          'Equal',
          w.ints(Array.from({ length }, (_, i) => i)),
          w.reshape(w.cast(indices, 'int64'), [count, 1]),
        ),
        w.floatType,
      );
      const order = [axis, ...shape.map((_, i) => i).filter((i) => i !== axis)];
      const moved = w.transpose(rows, order);
      const matrix = w.reshape(moved, [
        count,
        w
          .shape(moved)
          .slice(1)
          .reduce((a, b) => a * b, 1),
      ]);
      const sums = w.gemm(selection, matrix, true, false);
      const back = w.reshape(
        sums,
        order.map((i) => present(shape[i])),
      );
      return w.transpose(
        back,
        order.map((_, i) => order.indexOf(i)),
      );
    },
  ];
}

/** Zeros with what was taken added where it came from. */
function gatherND({ w, node, inputs, gradient }: RuleCall): ReturnType<Rule> {
  const [x, indices] = inputs as [string, string];
  if (intAttribute(node, 'batch_dims', 0) !== 0) return [];
  return [
    () =>
      present(
        w.emit('ScatterND', [w.filled(w.shape(x)), indices, gradient], [w.type(x)], {
          attributes: { reduction: 'add' },
        })[0],
      ),
  ];
}

/** The updates get what stands at their place, the data the rest. */
function scatterND({ w, node, inputs, gradient }: RuleCall): ReturnType<Rule> {
  const [, indices, updates] = inputs as [string, string, string];
  const reduction = textAttribute(node, 'reduction', 'none');
  if (reduction !== 'none' && reduction !== 'add') return [];
  const untouched = () =>
    present(w.emit('ScatterND', [gradient, indices, w.filled(w.shape(updates))], [w.type(gradient)])[0]);
  return [
    () => (reduction === 'add' ? gradient : untouched()),
    undefined,
    () => present(w.emit('GatherND', [gradient, indices], [w.type(updates)])[0]),
  ];
}

function scatterElements({ w, node, inputs, gradient }: RuleCall): ReturnType<Rule> {
  const [, indices, updates] = inputs as [string, string, string];
  if (textAttribute(node, 'reduction', 'none') !== 'none') return [];
  const axis = axisOf(intAttribute(node, 'axis', 0), w.rank(gradient));
  const attributes = { attributes: { axis } };
  return [
    () =>
      present(
        w.emit('ScatterElements', [gradient, indices, w.filled(w.shape(updates))], [w.type(gradient)], attributes)[0],
      ),
    undefined,
    () => present(w.emit('GatherElements', [gradient, indices], [w.type(updates)], attributes)[0]),
  ];
}

/** The middle, where zeros (or another constant) were put around. */
function pad({ w, node, inputs, gradient, numbers }: RuleCall): ReturnType<Rule> {
  const [x] = inputs as [string];
  const sizes = numbers(inputs[1] ?? '') ?? intsAttribute(node, 'pads');
  const shape = w.shape(x);
  const mode = textAttribute(node, 'mode', 'constant');
  if (!sizes || (mode !== 'constant' && mode !== 'edge' && mode !== 'reflect')) return [];
  const axes = numbers(inputs[3] ?? '') ?? shape.map((_, i) => i);
  return [
    () => {
      let result = gradient;
      axes.forEach((given, i) => {
        const axis = axisOf(given, shape.length);
        result = unpadded(
          w,
          result,
          axis,
          present(shape[axis]),
          present(sizes[i]),
          present(sizes[i + axes.length]),
          mode,
        );
      });
      return result;
    },
  ];
}

/** Negative sizes had cut something off. */
function unpadded(
  w: RuleCall['w'],
  gradient: string,
  axis: number,
  length: number,
  before: number,
  after: number,
  mode: string,
): string {
  const none = new Array<number>(w.rank(gradient)).fill(0);
  const start = Math.max(before, 0);
  const middle = w.slice(gradient, axis, start, start + length + Math.min(before, 0) + Math.min(after, 0));
  const whole = w.pad(middle, none.with(axis, Math.max(-before, 0)), none.with(axis, Math.max(-after, 0)));
  if (mode === 'constant') return whole;
  const mirrored = (from: number, at: number, step: number): string =>
    placed(w, w.slice(gradient, axis, from, from + 1), axis, length, at, Math.abs(step) || 1, 1);
  let sum = whole;
  for (let i = 0; i < before; i++) sum = w.add(sum, mirrored(i, mode === 'edge' ? 0 : before - i, 1));
  for (let i = 0; i < after; i++)
    sum = w.add(sum, mirrored(before + length + i, mode === 'edge' ? length - 1 : length - 2 - i, 1));
  return sum;
}

export const arrangementRules: GradientRules = {
  Reshape: viewed,
  Squeeze: viewed,
  Unsqueeze: viewed,
  Flatten: viewed,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Expand: expand,
  Tile: tile,
  Gather: gather,
  GatherND: gatherND,
  ScatterND: scatterND,
  ScatterElements: scatterElements,
  Pad: pad,
};
