/** Each gradient rule and each lowering against central differences, in float64 where onnxruntime has the kernel. */
import { describe, expect, it } from 'vitest';
import { buildModel, float, typeAttribute } from '../../onnx/testing/buildModel';
import { differentiate } from './differentiate';
import { lowerings } from './forward';
import { gradientRules } from './reverse';
import { type Case, directionalDerivatives } from './testing/directionalDerivative';

const x34 = { x: [3, 4] };
const unary = (opType: string, more: Partial<Case> = {}, attributes = {}): Case => ({
  inputs: x34,
  build: (b) => b.op(opType, ['x'], attributes),
  ...more,
});
const single = { single: true };
const positive = { range: [0.5, 2] as const };
const binary = (opType: string, more: Partial<Case> = {}): Case => ({
  inputs: { a: [2, 3, 4], b: [3, 1] },
  build: (b) => b.op(opType, ['a', 'b']),
  ...more,
});
const microsoft = {
  options: {
    opsets: new Map([
      ['', 17],
      ['com.microsoft', 1],
    ]),
  },
  single: true,
};
const attention = (b: Parameters<Case['build']>[0], inputs: readonly string[], outputs = 1) =>
  b.op('MultiHeadAttention', inputs, { num_heads: 2 }, { domain: 'com.microsoft', outputs });
const conv = (x: readonly number[], w: readonly number[], attributes = {}, bias = true): Case => ({
  inputs: bias ? { x, w, b: [w[0]!] } : { x, w },
  build: (b) => b.op('Conv', bias ? ['x', 'w', 'b'] : ['x', 'w'], attributes),
  single: true,
});
const resize = (
  attributes: Readonly<Record<string, string>>,
  sizes: readonly number[],
  x: readonly number[] = [1, 2, 3, 4],
): Case => ({
  inputs: { x },
  build: (b) => b.op('Resize', ['x', '', '', b.ints('sizes', sizes)], attributes),
  single: true,
});
const reduced = (opType: string, more: Partial<Case> = {}): Case => ({
  inputs: { x: [2, 3, 4] },
  build: (b) => b.op(opType, ['x', b.ints('axes', [0, 2])], { keepdims: 0 }),
  ...more,
});

const cases: Readonly<Record<string, Case>> = {
  Add: binary('Add'),
  Sub: binary('Sub'),
  Mul: binary('Mul'),
  Div: binary('Div', positive),
  Max: binary('Max'),
  Min: binary('Min'),
  'Mul, a square': { inputs: x34, build: (b) => b.op('Mul', ['x', 'x']) },
  Neg: unary('Neg'),
  Exp: unary('Exp'),
  Log: unary('Log', positive),
  Sqrt: unary('Sqrt', positive),
  Reciprocal: unary('Reciprocal', positive),
  Sin: unary('Sin'),
  Cos: unary('Cos'),
  Tanh: unary('Tanh'),
  Sigmoid: unary('Sigmoid'),
  Softplus: unary('Softplus', single),
  Erf: unary('Erf', single),
  Abs: unary('Abs'),
  Relu: unary('Relu'),
  LeakyRelu: unary('LeakyRelu', single, { alpha: 0.2 }),
  Identity: unary('Identity'),
  Floor: { inputs: x34, build: (b) => b.op('Add', [b.op('Floor', ['x']), 'x']) },
  Sign: { inputs: x34, build: (b) => b.op('Mul', [b.op('Sign', ['x']), 'x']) },
  Gelu: unary('Gelu', single),
  'Gelu, tanh': unary('Gelu', single, { approximate: 'tanh' }),
  HardSwish: unary('HardSwish', single),
  Mish: unary('Mish', single),
  'com.microsoft QuickGelu': {
    ...microsoft,
    inputs: x34,
    build: (b) => b.op('QuickGelu', ['x'], {}, { domain: 'com.microsoft' }),
  },
  'com.microsoft Gelu': {
    ...microsoft,
    inputs: x34,
    build: (b) => b.op('Gelu', ['x'], {}, { domain: 'com.microsoft' }),
  },
  'com.microsoft FastGelu': {
    ...microsoft,
    inputs: { x: [3, 4], bias: [4] },
    build: (b) => b.op('FastGelu', ['x', 'bias'], {}, { domain: 'com.microsoft' }),
  },
  'com.microsoft BiasGelu': {
    ...microsoft,
    inputs: { x: [3, 4], bias: [4] },
    build: (b) => b.op('BiasGelu', ['x', 'bias'], {}, { domain: 'com.microsoft' }),
  },
  ...Object.fromEntries(
    [1, 2, 3, 0.5, -1.5].map((power) => [
      `Pow ${power}`,
      {
        inputs: x34,
        ...positive,
        build: (b, type) =>
          b.op(
            'Pow',
            ['x', b.op('Constant', [], { value_float: float(power) })].map((name, i) =>
              i === 1 && type === 'float64' ? b.op('Cast', [name], { to: typeAttribute('float64') }) : name,
            ),
          ),
      } satisfies Case,
    ]),
  ),
  'Pow of two values': { inputs: { x: [3, 4], p: [4] }, ...positive, build: (b) => b.op('Pow', ['x', 'p']) },
  Clip: {
    inputs: x34,
    single: true,
    build: (b) => b.op('Clip', ['x', b.weight('low', [], [-0.4]), b.weight('high', [], [0.5])]),
  },
  Where: {
    inputs: { a: [3, 4], b: [4] },
    build: (b, type) =>
      b.op('Where', [
        b.op('Greater', ['a', b.op('Cast', [b.weight('limit', [], [0.1])], { to: typeAttribute(type) })]),
        'a',
        'b',
      ]),
  },
  'SiLU, two nodes': { inputs: x34, build: (b) => b.op('Mul', [b.op('Sigmoid', ['x']), 'x']) },
  'x sigmoid(1.7 x)': {
    inputs: x34,
    single: true,
    build: (b) => b.op('Mul', ['x', b.op('Sigmoid', [b.op('Mul', ['x', b.weight('a', [], [1.7])])])]),
  },
  'a sigmoid(b)': { inputs: { a: [3, 4], b: [3, 4] }, build: (b) => b.op('Mul', ['a', b.op('Sigmoid', ['b'])]) },
  ...Object.fromEntries(
    ['x (1 + erf) half', 'x half (1 + erf)', '(1 + erf) half x'].map((order) => [
      `GELU as ${order}`,
      {
        inputs: x34,
        single: true,
        build: (b) => {
          const erf = b.op('Erf', [b.op('Div', ['x', b.weight('root', [], [Math.SQRT2])])]);
          const part: Record<string, string> = {
            x: 'x',
            half: b.weight('half', [], [0.5]),
            erf: b.op('Add', [erf, b.weight('one', [], [1])]),
          };
          const [p, q, r] = order
            .replace('(1 + erf)', 'erf')
            .split(' ')
            .map((name) => part[name]!);
          return b.op('Mul', [b.op('Mul', [p!, q!]), r!]);
        },
      } satisfies Case,
    ]),
  ),
  'half x (1 + erf(y))': {
    inputs: { x: [3, 4], y: [3, 4] },
    single: true,
    build: (b) =>
      b.op('Mul', [
        b.op('Mul', ['x', b.weight('half', [], [0.5])]),
        b.op('Add', [b.op('Erf', ['y']), b.weight('one', [], [1])]),
      ]),
  },
  Sum: { inputs: { a: [3, 4], b: [4], c: [1] }, build: (b) => b.op('Sum', ['a', 'b', 'c']) },
  Mean: { inputs: { a: [3, 4], b: [4], c: [1] }, single: true, build: (b) => b.op('Mean', ['a', 'b', 'c']) },
  'Max of three': { inputs: { a: [3, 4], b: [4], c: [1] }, build: (b) => b.op('Max', ['a', 'b', 'c']) },
  'Cast there and back': {
    inputs: x34,
    single: true,
    build: (b) =>
      b.op('Cast', [b.op('Sin', [b.op('Cast', ['x'], { to: typeAttribute('float64') })])], {
        to: typeAttribute('float32'),
      }),
  },
  Trilu: { inputs: x34, build: (b) => b.op('Trilu', ['x'], { upper: 0 }) },

  Reshape: { inputs: x34, build: (b) => b.op('Reshape', ['x', b.ints('shape', [2, -1])]) },
  Squeeze: { inputs: { x: [3, 1, 4] }, build: (b) => b.op('Squeeze', ['x', b.ints('axes', [1])]) },
  Unsqueeze: { inputs: x34, build: (b) => b.op('Unsqueeze', ['x', b.ints('axes', [0, 3])]) },
  Flatten: { inputs: { x: [2, 3, 4] }, build: (b) => b.op('Flatten', ['x'], { axis: 2 }) },
  Transpose: { inputs: { x: [2, 3, 4] }, build: (b) => b.op('Transpose', ['x'], { perm: [2, 0, 1] }) },
  Concat: { inputs: { a: [2, 3], b: [2, 1] }, build: (b) => b.op('Concat', ['a', 'b', 'a'], { axis: -1 }) },
  'Split, one part unused': {
    inputs: { x: [2, 7] },
    build: (b) => {
      const [first, , last] = b.ops('Split', ['x', b.ints('sizes', [2, 3, 2])], { axis: 1 }, { outputs: 3 });
      return b.op('Mul', [first!, last!]);
    },
  },
  Slice: {
    inputs: { x: [4, 6] },
    build: (b) => b.op('Slice', ['x', b.ints('s', [1, -5]), b.ints('e', [3, 1000]), b.ints('a', [0, 1])]),
  },
  'Slice with steps': {
    inputs: { x: [5, 7] },
    build: (b) =>
      b.op('Slice', ['x', b.ints('s', [1, -1]), b.ints('e', [5, -100]), b.ints('a', [0, 1]), b.ints('t', [3, -2])]),
  },
  'Slices that part a value': {
    inputs: { x: [2, 6] },
    build: (b) => {
      const part = (from: number, to: number) =>
        b.op('Slice', ['x', ...[from, to, 1].map((n, i) => b.ints(`${from}.${i}`, [n]))]);
      return b.op('Concat', [b.op('Sin', [part(0, 2)]), b.op('Cos', [part(2, 4)]), b.op('Exp', [part(1, 3)])], {
        axis: 1,
      });
    },
  },
  Expand: { inputs: { x: [3, 1] }, build: (b) => b.op('Expand', ['x', b.ints('shape', [2, 1, 4])]) },
  Tile: { inputs: x34, build: (b) => b.op('Tile', ['x', b.ints('repeats', [2, 3])]) },
  'Gather of one': { inputs: x34, build: (b) => b.op('Gather', ['x', b.ints('i', -1)], { axis: 1 }) },
  'Gather of neighbours': { inputs: { x: [5, 3] }, build: (b) => b.op('Gather', ['x', b.ints('i', [2, 3])]) },
  'Gather with repeats': {
    inputs: { x: [3, 5, 2] },
    build: (b) => b.op('Gather', ['x', b.ints('i', [4, 0, 4])], { axis: 1 }),
  },
  GatherND: {
    inputs: { x: [3, 4, 2] },
    build: (b) => b.op('GatherND', ['x', b.op('Reshape', [b.ints('i', [0, 1, 2, 3, 0, 1]), b.ints('shape', [3, 2])])]),
    single: true,
  },
  ScatterND: {
    inputs: { x: [4, 3], u: [2, 3] },
    build: (b) => b.op('ScatterND', ['x', b.op('Reshape', [b.ints('i', [2, 0]), b.ints('shape', [2, 1])]), 'u']),
  },
  ScatterElements: {
    inputs: { x: [3, 3], u: [1, 3] },
    build: (b) =>
      b.op('ScatterElements', ['x', b.op('Reshape', [b.ints('i', [2, 0, 1]), b.ints('shape', [1, 3])]), 'u'], {
        axis: 0,
      }),
  },
  Pad: { inputs: x34, build: (b) => b.op('Pad', ['x', b.ints('pads', [1, -1, 0, 2])]) },
  'Pad, edge': { inputs: x34, build: (b) => b.op('Pad', ['x', b.ints('pads', [0, 2, 1, 1])], { mode: 'edge' }) },
  'Pad, reflect': { inputs: x34, build: (b) => b.op('Pad', ['x', b.ints('pads', [1, 2, 0, 3])], { mode: 'reflect' }) },
  DepthToSpace: { inputs: { x: [1, 8, 2, 3] }, build: (b) => b.op('DepthToSpace', ['x'], { blocksize: 2 }) },
  'DepthToSpace, CRD': {
    inputs: { x: [1, 8, 2, 3] },
    build: (b) => b.op('DepthToSpace', ['x'], { blocksize: 2, mode: 'CRD' }),
  },
  SpaceToDepth: { inputs: { x: [1, 2, 4, 6] }, build: (b) => b.op('SpaceToDepth', ['x'], { blocksize: 2 }) },

  'MatMul with weights': { inputs: { a: [2, 3, 4], b: [4, 5] }, build: (b) => b.op('MatMul', ['a', 'b']) },
  'MatMul of batches': { inputs: { a: [2, 3, 4], b: [2, 4, 5] }, build: (b) => b.op('MatMul', ['a', 'b']) },
  'MatMul, batches broadcast': { inputs: { a: [2, 1, 3, 4], b: [3, 4, 5] }, build: (b) => b.op('MatMul', ['a', 'b']) },
  'MatMul, matrix times batches': { inputs: { a: [3, 4], b: [2, 2, 4, 5] }, build: (b) => b.op('MatMul', ['a', 'b']) },
  'MatMul of a vector': { inputs: { a: [4], b: [2, 4, 5] }, build: (b) => b.op('MatMul', ['a', 'b']) },
  'MatMul by a vector': { inputs: { a: [2, 3, 4], b: [4] }, build: (b) => b.op('MatMul', ['a', 'b']) },
  ...Object.fromEntries(
    [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ].map(([transA, transB]) => [
      `Gemm ${transA}${transB}`,
      {
        inputs: { a: transA ? [4, 3] : [3, 4], b: transB ? [5, 4] : [4, 5], c: [5] },
        build: (b) =>
          b.op('Gemm', ['a', 'b', 'c'], { transA: transA!, transB: transB!, alpha: float(0.5), beta: float(2) }),
      } satisfies Case,
    ]),
  ),
  Einsum: {
    inputs: { a: [2, 3, 4], b: [4, 2, 5] },
    build: (b) => b.op('Einsum', ['a', 'b'], { equation: 'bij,jbk->kbi' }),
  },
  'Einsum with a sum': {
    inputs: { a: [2, 3, 4], b: [3, 5] },
    build: (b) => b.op('Einsum', ['a', 'b'], { equation: 'bij,ik->bk' }),
  },
  'Einsum of one': { inputs: { a: [2, 3, 4] }, build: (b) => b.op('Einsum', ['a'], { equation: 'bij->jb' }) },
  'com.microsoft FusedMatMul': {
    ...microsoft,
    inputs: { a: [2, 4, 3], b: [2, 5, 4] },
    build: (b) => b.op('FusedMatMul', ['a', 'b'], { transA: 1, transB: 1, alpha: 0.5 }, { domain: 'com.microsoft' }),
  },

  'Conv 3x3': conv([2, 3, 5, 6], [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
  'Conv, stride 2': conv([2, 3, 6, 7], [4, 3, 3, 3], { pads: [1, 0, 1, 1], strides: [2, 2] }),
  'Conv, dilated': conv([1, 2, 7, 7], [3, 2, 3, 2], { dilations: [2, 3] }),
  'Conv, SAME_UPPER': conv([1, 2, 5, 6], [3, 2, 3, 2], { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
  'Conv 1x1': conv([2, 3, 4, 4], [5, 3, 1, 1]),
  'Conv 1x1, few pixels': conv([2, 3, 2, 3], [5, 3, 1, 1], {}, false),
  'Conv 3x3 on one pixel': conv([3, 4, 1, 1], [5, 4, 3, 3], { pads: [1, 1, 1, 1] }),
  'Conv 3x3 on 2x2': conv([3, 4, 2, 2], [5, 4, 3, 3], { pads: [1, 1, 1, 1] }),
  'Conv 3x3 on 2x2, stride 2': conv([3, 4, 2, 2], [5, 4, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }),
  'Conv 3 on 4': conv([2, 3, 4], [4, 3, 3], { pads: [1, 1] }),
  'Conv 1-D': conv([2, 3, 9], [4, 3, 3], { pads: [1, 2], strides: [2] }),
  'Conv of patches': conv([2, 3, 4, 6], [5, 3, 2, 3], { strides: [2, 3] }),
  'Conv of patches in 3-D': conv([1, 2, 2, 4, 4], [3, 2, 1, 2, 2], { strides: [1, 2, 2] }),
  'Conv, groups': conv([2, 4, 5, 5], [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1] }),
  'Conv (3,1,1)': conv([2, 3, 5, 2, 3], [4, 3, 3, 1, 1], { pads: [1, 0, 0, 1, 0, 0] }),
  'Conv (1,3,3)': conv([1, 3, 3, 4, 4], [4, 3, 1, 3, 3], { pads: [0, 1, 1, 0, 1, 1] }),
  'Conv (3,3,3)': conv([1, 2, 4, 4, 5], [3, 2, 3, 3, 3], { pads: [1, 1, 1, 1, 1, 1] }),
  'Conv (3,3,3), strides': conv([1, 2, 5, 5, 6], [3, 2, 3, 3, 3], { pads: [1, 1, 0, 0, 1, 1], strides: [2, 2, 1] }),
  ConvTranspose: {
    inputs: { x: [2, 3, 3, 4], w: [3, 2, 3, 3], b: [2] },
    single: true,
    build: (b) =>
      b.op('ConvTranspose', ['x', 'w', 'b'], { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 0] }),
  },
  'ConvTranspose, groups': {
    inputs: { x: [1, 4, 3, 3], w: [4, 2, 2, 2] },
    single: true,
    build: (b) => b.op('ConvTranspose', ['x', 'w'], { group: 2, strides: [2, 2] }),
  },
  'Resize, nearest x2': resize(
    { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
    [1, 2, 6, 8],
  ),
  'Resize, nearest x3/2': resize({ mode: 'nearest', coordinate_transformation_mode: 'half_pixel' }, [1, 2, 5, 6]),
  'Resize, linear': resize({ mode: 'linear', coordinate_transformation_mode: 'half_pixel' }, [1, 2, 6, 7]),
  'Resize, linear, corners': resize({ mode: 'linear', coordinate_transformation_mode: 'align_corners' }, [1, 2, 5, 8]),
  AveragePool: {
    inputs: { x: [1, 2, 4, 6] },
    single: true,
    build: (b) => b.op('AveragePool', ['x'], { kernel_shape: [2, 3], strides: [2, 3] }),
  },
  GlobalAveragePool: { inputs: { x: [1, 2, 4, 6] }, single: true, build: (b) => b.op('GlobalAveragePool', ['x']) },

  LayerNormalization: {
    inputs: { x: [2, 3, 4], s: [4], b: [4] },
    build: (b) => b.op('LayerNormalization', ['x', 's', 'b'], { axis: -1 }),
    single: true,
  },
  'LayerNormalization over two axes': {
    inputs: { x: [2, 3, 4], s: [3, 4] },
    build: (b) => b.op('LayerNormalization', ['x', 's'], { axis: 1 }),
    single: true,
  },
  InstanceNormalization: {
    inputs: { x: [2, 3, 4, 5], s: [3], b: [3] },
    build: (b) => b.op('InstanceNormalization', ['x', 's', 'b']),
    single: true,
  },
  'InstanceNormalization of opset 16': {
    inputs: { x: [2, 3, 4, 5], s: [3], b: [3] },
    build: (b) => b.op('InstanceNormalization', ['x', 's', 'b']),
    single: true,
    options: { opset: 16 },
  },
  'GroupNormalization by channel': {
    inputs: { x: [2, 6, 2, 3], s: [6], b: [6] },
    build: (b) => b.op('GroupNormalization', ['x', 's', 'b'], { num_groups: 3 }),
    single: true,
    options: { opset: 21 },
  },
  SimplifiedLayerNormalization: {
    inputs: { x: [2, 3, 4], s: [4] },
    build: (b) => b.op('SimplifiedLayerNormalization', ['x', 's'], { axis: -1, epsilon: 1e-5 }),
    single: true,
    options: { opset: 17 },
  },
  'com.microsoft SkipLayerNormalization': {
    ...microsoft,
    inputs: { x: [2, 3, 4], skip: [2, 3, 4], s: [4], o: [4], b: [4] },
    build: (b) => {
      const [y, , , sum] = b.ops(
        'SkipLayerNormalization',
        ['x', 'skip', 's', 'o', 'b'],
        { epsilon: 1e-5 },
        { domain: 'com.microsoft', outputs: ['y', '', '', 'sum'] },
      );
      return b.op('Mul', [y!, sum!]);
    },
  },
  Softmax: { inputs: { x: [2, 3, 4] }, build: (b) => b.op('Softmax', ['x'], { axis: 1 }) },
  LogSoftmax: { inputs: { x: [2, 3, 4] }, build: (b) => b.op('LogSoftmax', ['x'], { axis: -1 }) },
  ReduceSum: reduced('ReduceSum'),
  ReduceMean: reduced('ReduceMean'),
  ReduceMax: reduced('ReduceMax'),
  ReduceMin: reduced('ReduceMin'),
  ReduceL1: reduced('ReduceL1', single),
  ReduceL2: reduced('ReduceL2', { ...single, ...positive }),
  ReduceSumSquare: reduced('ReduceSumSquare'),
  ReduceLogSumExp: reduced('ReduceLogSumExp'),
  'ReduceMean of everything': { inputs: x34, build: (b) => b.op('ReduceMean', ['x']) },
  'ReduceMean of opset 17': {
    inputs: x34,
    build: (b) => b.op('ReduceMean', ['x'], { axes: [-1] }),
    options: { opset: 17 },
  },

  'com.microsoft MultiHeadAttention': {
    ...microsoft,
    inputs: { q: [2, 3, 8], k: [2, 5, 8], v: [2, 5, 8] },
    build: (b) => attention(b, ['q', 'k', 'v']),
  },
  'com.microsoft MultiHeadAttention with a bias': {
    ...microsoft,
    inputs: { q: [2, 3, 8], k: [2, 5, 8], v: [2, 5, 8], bias: [24] },
    build: (b) => attention(b, ['q', 'k', 'v', 'bias']),
  },
};

describe('gradients against central differences', () => {
  it.each(Object.entries(cases))('%s', async (_, tested) => {
    for (const seed of [1, 2]) {
      const checks = await directionalDerivatives(tested, seed);
      const scale = Math.max(...checks.map(({ numeric }) => Math.abs(numeric)));
      expect(scale).toBeGreaterThan(1e-3);
      const tolerance = tested.single ? 5e-3 : 1e-7;
      for (const { input, numeric, analytic } of checks)
        expect(
          Math.abs(analytic - numeric) / (Math.abs(numeric) + 0.1 * scale),
          `${input}: ${analytic}, not ${numeric}`,
        ).toBeLessThan(tolerance);
    }
  });

  it('covers every rule and every lowering', () => {
    const tested = new Set(
      Object.values(cases).flatMap(({ inputs, build, options }) =>
        buildModel((b) => void (Object.keys(inputs), build(b, 'float32')), options).graph.nodes.flatMap(
          ({ opType, domain }) => [opType, `${domain}.${opType}`],
        ),
      ),
    );
    const alike = new Set(['Dropout', 'Ceil', 'Round', 'RMSNormalization', 'Swish']); // rules shared with Identity, Floor, the simplified norm, SiLU
    const names = [...Object.keys(gradientRules), ...Object.keys(lowerings)];
    expect(names.filter((name) => !tested.has(name) && !alike.has(name))).toEqual([]);
  });
});

describe('what has no gradient', () => {
  it('is named', () => {
    const model = buildModel((b) => {
      b.input('x', [3, 4]);
      b.output(
        b.op('Hardmax', [b.op('MatMul', ['x', b.weight('layer.weight', [4, 4])])], {}, { name: 'hard' }),
        [3, 4],
      );
    });
    expect(() => differentiate(model)).toThrow(
      expect.objectContaining({ code: 'passes/no-gradient', facts: { node: 'hard', opType: 'Hardmax' } }),
    );
  });

  it('does no harm where no wanted weight is behind it', () => {
    const model = buildModel((b) => {
      b.input('x', [3, 4]);
      const frozen = b.op('Hardmax', [b.op('MatMul', ['x', b.weight('frozen.weight', [4, 4])])]);
      b.output(b.op('MatMul', [frozen, b.weight('layer.weight', [4, 2])]), [3, 2]);
    });
    const graph = differentiate(model, { withRespectTo: /^layer/ }).graph;
    expect(graph.outputs.map(({ name }) => name)).toEqual(['loss', 'gradient:layer.weight']);
  });

  it('free sizes are named', () => {
    const model = buildModel((b) => {
      b.input('x', ['batch', 4]);
      b.output(b.op('MatMul', ['x', b.weight('layer.weight', [4, 2])]), ['batch', 2]);
    });
    expect(() => differentiate(model)).toThrow(expect.objectContaining({ code: 'passes/unbound-size' }));
    expect(differentiate(model, { bindings: new Map([['batch', 3]]) }).graph.inputs[1]).toEqual({
      name: 'target',
      type: { dataType: 'float32', shape: [3, 2] },
    });
  });
});
