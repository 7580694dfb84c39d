/** Fits with a planted answer: the value comes from the same graph with another layer, which the fit has to find. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { Model } from '../../onnx/model';
import { buildModel, type GraphBuilder } from '../../onnx/testing/buildModel';
import { writeModel } from '../../onnx/writeModel';
import { buildLayerFit, solveRidge } from './layerFit';
import { linearLayerBefore } from './linearLayer';
import { parameterLayout, readParameters, writeParameters } from './parameters';

type Build = (b: GraphBuilder, x: string) => string;

/** The layer under test behind something that is not linear, with a residual around it. */
const models: Readonly<Record<string, { dims: readonly number[]; rows: number; layer: Build }>> = {
  'a convolution in space': {
    dims: [4, 3, 6, 6],
    rows: 3 * 9 + 1,
    layer: (b, x) =>
      b.op('Conv', [x, b.weight('l.weight', [3, 3, 3, 3]), b.weight('l.bias', [3])], { pads: [1, 1, 1, 1] }),
  },
  'a convolution in time': {
    dims: [2, 3, 5, 4, 4],
    rows: 3 * 3 + 1,
    layer: (b, x) =>
      b.op('Conv', [x, b.weight('l.weight', [3, 3, 3, 1, 1]), b.weight('l.bias', [3])], { pads: [1, 0, 0, 1, 0, 0] }),
  },
  'a Gemm, transposed': {
    dims: [40, 6],
    rows: 7,
    layer: (b, x) => b.op('Gemm', [x, b.weight('l.weight', [6, 6]), b.weight('l.bias', [6])], { transB: 1 }),
  },
  'a MatMul and its bias behind it': {
    dims: [10, 4, 6],
    rows: 7,
    layer: (b, x) => b.op('Add', [b.op('MatMul', [x, b.weight('l.weight', [6, 6])]), b.weight('l.bias', [6])]),
  },
  'a MatMul by a matrix that is stored transposed': {
    dims: [10, 4, 6],
    rows: 6,
    layer: (b, x) => b.op('MatMul', [x, b.op('Transpose', [b.weight('l.weight', [6, 6])], { perm: [1, 0] })]),
  },
};

const tensor = (values: ArrayLike<number>, dims: readonly number[]) =>
  new Tensor('float32', Float32Array.from(values), dims);
const session = (model: Model) =>
  InferenceSession.create(writeModel(model), { intraOpNumThreads: 1, logSeverityLevel: 4 });

describe('a layer fitted in closed form', () => {
  it.each(Object.entries(models))('%s', async (_, { dims, rows, layer }) => {
    const model = buildModel((b) => {
      b.input('x', dims);
      const seen = b.op('Tanh', ['x']);
      const flat = b.op('Reshape', [layer(b, seen), b.ints('shape', dims)]);
      b.op('Add', [flat, 'x'], {}, { outputs: ['value'] });
      b.op('Tanh', ['value'], {}, { outputs: ['y'] });
      b.output('y', dims);
    });
    const names = [...model.graph.initializers.keys()].filter((name) => name.startsWith('l.'));
    const layout = parameterLayout(names.map((name) => model.graph.initializers.get(name)!));
    const now = await readParameters(model, layout);
    const planted = now.map((value, i) => value + Math.sin(3 * i + 1));
    const found = linearLayerBefore(model, 'value', (name) => names.includes(name))!;
    expect([found.weight, found.bias]).toEqual(['l.weight', names.includes('l.bias') ? 'l.bias' : undefined]);
    const teacher = writeParameters(model, layout, planted);
    const count = dims.reduce((a, b) => a * b);
    const x = tensor(
      Array.from({ length: count }, (_, i) => Math.sin(i * i * 0.7) * 1.5),
      dims,
    );
    const value = { ...teacher, graph: { ...teacher.graph, outputs: [{ name: 'value' }] } };
    const target = (await (await session(value)).run({ x }))['value'] as Tensor;
    const fit = buildLayerFit(model, 'value', found, {});
    expect(fit.rows).toBe(rows);
    const sums = await (await session(fit.model)).run({ x, target });
    const numbers = (name: string) => Float64Array.from(sums[name]!.data as Float32Array);
    const { weight, bias } = fit.spread(solveRidge(numbers('gram'), numbers('missing'), fit.rows, 1e-9)!);
    const change = [...weight, ...(bias ?? [])];
    layout.parameters.forEach(({ name, offset, length }) => {
      const own = name === 'l.weight' ? change.slice(0, weight.length) : change.slice(weight.length);
      own.forEach((value, i) => expect(value).toBeCloseTo(planted[offset + i]! - now[offset + i]!, 2));
      expect(own).toHaveLength(length);
    });
  });

  it('is the last linear layer, and none where something else stands between', () => {
    const model = buildModel((b) => {
      b.input('x', [2, 3]);
      const first = b.op('MatMul', ['x', b.weight('first.weight', [3, 3])]);
      const second = b.op('MatMul', [b.op('Tanh', [first]), b.weight('second.weight', [3, 3])]);
      b.op('Add', [first, second], {}, { outputs: ['sum'] });
      b.op('Tanh', ['sum'], {}, { outputs: ['y'] });
      b.output('y', [2, 3]);
    });
    expect(linearLayerBefore(model, 'sum', () => true)?.weight).toBe('second.weight');
    // the first one acts through the second, too
    expect(linearLayerBefore(model, 'sum', (name) => name !== 'second.weight')).toBeUndefined();
    expect(linearLayerBefore(model, 'y', () => true)).toBeUndefined();
  });
});

it('solveRidge solves, and shrinks with the ridge', () => {
  const gram = Float64Array.of(4, 1, 1, 3);
  const right = Float64Array.of(1, 0, 2, 1);
  expect([...solveRidge(gram, right, 2, 0)!].map((value) => value.toFixed(6))).toEqual(
    [1 / 11, -1 / 11, 7 / 11, 4 / 11].map((value) => value.toFixed(6)),
  );
  expect(Math.abs(solveRidge(gram, right, 2, 1)![2]!)).toBeLessThan(7 / 11);
  expect(solveRidge(Float64Array.of(1, 2, 2, 1), right, 2, 0)).toBeUndefined();
});
