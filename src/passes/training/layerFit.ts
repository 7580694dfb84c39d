/**
 * A linear layer fitted so that a value behind it comes as near as it can to what it should be: the graph that sums up the
 * normal equations over a batch, and their ridge solution. The change D of weights and bias (rows: what the layer sees, and a
 * one; columns: what it writes) solves (G + ridge) D = R, with G the products of what it sees and R those with what is missing.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import { StudioError } from '../../errors/StudioError';
import { removeDeadCode } from '../../onnx/graph';
import type { Model, ValueInfo } from '../../onnx/model';
import { intAttribute } from '../../onnx/shapes/OpCall';
import { columns, windowsOf } from '../differentiate/convolution';
import type { Sizes } from '../differentiate/fixSizes';
import { forward, written } from '../differentiate/forward';
import type { GraphWriter } from '../differentiate/GraphWriter';
import { reverse } from '../differentiate/reverse';
import { castToFloat32, isHalf, toFloat32 } from '../differentiate/toFloat32';
import type { LinearLayer } from './linearLayer';

export interface LayerFit {
  /**
   * Inputs: the model's own and `target` of the value's shape. Outputs: `gram` [rows, rows], `missing` [rows, outputs] and
   * `error` (the sum of squares of what is missing), for one batch: they add up over batches.
   */
  readonly model: Model;
  readonly rows: number;
  readonly outputs: number;
  /** A change [rows, outputs] in the layouts of the layer's weight and bias. */
  spread(change: Float64Array): { readonly weight: Float32Array; readonly bias: Float32Array | undefined };
}

/** `value`: what should come near its target. Throws as `forward` and `reverse`. */
export function buildLayerFit(model: Model, value: string, layer: LinearLayer, sizes: Sizes): LayerFit {
  const wanted = [layer.weight, ...(layer.bias === undefined ? [] : [layer.bias])];
  const { initializers } = model.graph;
  const cut = { ...model, graph: removeDeadCode({ ...model.graph, outputs: [{ name: value }] }) };
  const given = forward(toFloat32(cut, new Set(wanted)), { ...sizes, wanted });
  const { w, numbers } = given;
  w.types.set('target', w.type(value));
  const away = w.sub(value, 'target');
  const error = w.sumAll(w.mul(away, away));
  const gradients = reverse(w, w.times(error, -0.5), wanted, numbers);
  const weightGradient = gradients.get(layer.weight);
  if (!weightGradient)
    throw new StudioError('passes/nothing-to-train', `${value} does not depend on ${layer.weight}.`, { value });
  const form = formOf(w, layer, initializers.get(layer.weight)!.dims);
  const seen = layer.bias === undefined ? form.seen : withOnes(w, form.seen);
  const bias = layer.bias === undefined ? [] : [w.reshape(gradients.get(layer.bias)!, [1, form.outputs])];
  const results = new Map([
    ['gram', w.gemm(seen, seen, false, true)],
    ['missing', w.concat([form.toRows(weightGradient), ...bias], 0)],
    ['error', error],
  ]);
  for (const [as, name] of results) w.emit('Identity', [name], [w.type(name)], { as });
  const whole = withStored(written(given), model, wanted);
  const info = (name: string): ValueInfo => ({ name, type: w.type(name) });
  return {
    model: {
      ...whole,
      graph: removeDeadCode({
        ...whole.graph,
        inputs: [...whole.graph.inputs.filter(({ name }) => !wanted.includes(name)), info('target')],
        outputs: [...results.keys()].map(info),
      }),
    },
    rows: w.shape(seen)[0]!,
    outputs: form.outputs,
    spread(change) {
      const length = form.rows * form.outputs;
      const own = form.fromRows(Float32Array.from(change.subarray(0, length)));
      return { weight: own, bias: layer.bias === undefined ? undefined : Float32Array.from(change.subarray(length)) };
    },
  };
}

/** A layer as the product of a matrix [outputs, rows] with what it sees [rows, places]. */
interface Form {
  readonly seen: string;
  readonly rows: number;
  readonly outputs: number;
  /** From the weight's layout to [rows, outputs], in the graph. */
  toRows(weight: string): string;
  /** And back, for values. */
  fromRows(values: Float32Array): Float32Array;
}

function formOf(w: GraphWriter, { node, transposed: stored }: LinearLayer, dims: readonly number[]): Form {
  const [x] = node.inputs as [string];
  if (node.opType === 'Conv') return formOfConv(w, x, w.shape(node.outputs[0]!), node, dims);
  const transposed = (node.opType === 'Gemm' && intAttribute(node, 'transB', 0) === 1) !== stored;
  const [rows, outputs] = (transposed ? dims.toReversed() : dims) as [number, number];
  const places = w.shape(x).reduce((product, dim) => product * dim, 1) / rows;
  return {
    seen: w.transpose(w.reshape(x, [places, rows]), [1, 0]),
    rows,
    outputs,
    toRows: (weight) => (transposed ? w.transpose(weight, [1, 0]) : weight),
    fromRows: (values) => (transposed ? rearranged(values, rows, 1, outputs) : values),
  };
}

function formOfConv(
  w: GraphWriter,
  x: string,
  out: readonly number[],
  node: LinearLayer['node'],
  dims: readonly number[],
): Form {
  const [outputs, channels, ...kernel] = dims as [number, number, ...number[]];
  const taps = kernel.reduce((product, size) => product * size, 1);
  return {
    seen: columns(w, x, windowsOf(node, w.shape(x).slice(2), out.slice(2), kernel)),
    rows: taps * channels,
    outputs,
    toRows: (weight) =>
      w.reshape(w.transpose(w.reshape(weight, [outputs, channels, taps]), [2, 1, 0]), [taps * channels, outputs]),
    fromRows: (values) => rearranged(values, taps, channels, outputs),
  };
}

/** [a, b, c] -> [c, b, a]. */
function rearranged(values: Float32Array, a: number, b: number, c: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++) for (let k = 0; k < c; k++) result[(k * b + j) * a + i] = values[(i * b + j) * c + k]!;
  return result;
}

function withOnes(w: GraphWriter, seen: string): string {
  return w.concat([seen, w.filled([1, w.shape(seen)[1]!], 1)], 0);
}

/** Weights that had been made inputs, as they are stored. */
function withStored(model: Model, original: Model, names: readonly string[]): Model {
  const initializers = new Map(model.graph.initializers);
  const casts = names.flatMap((name) => {
    const tensor = original.graph.initializers.get(name)!;
    if (!isHalf(tensor.dataType)) {
      initializers.set(name, tensor);
      return [];
    }
    initializers.set(`${name}:stored`, { ...tensor, name: `${name}:stored` });
    return [castToFloat32(`${name}:stored`, name)];
  });
  return { ...model, graph: { ...model.graph, initializers, nodes: [...casts, ...model.graph.nodes] } };
}

/**
 * X of (G + ridge I) X = R by Cholesky, in place of neither: `gram` [n, n] symmetric and positive, `right` [n, m]. `ridge` is
 * relative to the mean of the diagonal. Undefined where even so it is not positive, to rounding.
 */
export function solveRidge(
  gram: Float64Array,
  right: Float64Array,
  n: number,
  ridge: number,
): Float64Array | undefined {
  const m = right.length / n;
  let trace = 0;
  for (let i = 0; i < n; i++) trace += gram[i * n + i]!;
  const added = (ridge * trace) / n;
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = gram[i * n + j]! + (i === j ? added : 0);
      for (let k = 0; k < j; k++) sum -= lower[i * n + k]! * lower[j * n + k]!;
      if (i === j && !(sum > 0)) return undefined;
      lower[i * n + j] = i === j ? Math.sqrt(sum) : sum / lower[j * n + j]!;
    }
  const x = right.slice();
  const eliminate = (i: number, k: number, factor: number): void => {
    for (let c = 0; c < m; c++) x[i * m + c]! -= factor * x[k * m + c]!;
  };
  const divide = (i: number): void => {
    for (let c = 0; c < m; c++) x[i * m + c]! /= lower[i * n + i]!;
  };
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) eliminate(i, k, lower[i * n + k]!);
    divide(i);
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) eliminate(i, k, lower[k * n + i]!);
    divide(i);
  }
  return x;
}
