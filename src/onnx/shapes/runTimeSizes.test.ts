/** Shapes and types that depend on values or on attributes easily forgotten, against those that onnxruntime gives. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { DataType } from '../model';
import { buildModel, type GraphBuilder, typeAttribute } from '../testing/buildModel';
import { writeModel } from '../writeModel';
import { inferShapes } from './inferShapes';

interface Case {
  readonly build: (b: GraphBuilder) => readonly string[];
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** What is known before it runs, per output. */
  readonly known: readonly (readonly [DataType, readonly (number | null)[]])[];
}

const floats = (...dims: number[]) =>
  new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => Math.round(9 * Math.sin(i))),
    dims,
  );
const ints = (...values: number[]) => new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);

const weights = (b: GraphBuilder, gates: number) => [
  b.weight('w', [2, gates * 6, 5]),
  b.weight('r', [2, gates * 6, 6]),
];

const cases: Readonly<Record<string, Case>> = {
  'Split by sizes that come at run time': {
    build: (b) => b.ops('Split', [b.input('x', [2, 9]), b.input('sizes', [3], 'int64')], { axis: 1 }, { outputs: 3 }),
    feeds: { x: floats(2, 9), sizes: ints(1, 3, 5) },
    known: [
      ['float32', [2, null]],
      ['float32', [2, null]],
      ['float32', [2, null]],
    ],
  },
  'Split into parts of which one is known': {
    build: (b) => {
      const rest = b.op('Shape', [b.input('other', [null])]);
      const sizes = b.op('Concat', [b.ints('one', [4]), rest], { axis: 0 });
      return b.ops('Split', [b.input('x', [2, 9]), sizes], { axis: 1 }, { outputs: 2 });
    },
    feeds: { x: floats(2, 9), other: floats(5) },
    known: [
      ['float32', [2, 4]],
      ['float32', [2, null]],
    ],
  },
  'Split into equal parts, the last one smaller': {
    build: (b) => b.ops('Split', [b.input('x', [2, 7])], { axis: 1, num_outputs: 3 }, { outputs: 3 }),
    feeds: { x: floats(2, 7) },
    known: [
      ['float32', [2, 3]],
      ['float32', [2, 3]],
      ['float32', [2, 1]],
    ],
  },
  'Unique along an axis': {
    build: (b) => b.ops('Unique', [b.input('x', [4, 3])], { axis: 0 }, { outputs: 4 }),
    feeds: { x: new Tensor('float32', Float32Array.of(1, 2, 3, 1, 2, 3, 4, 5, 6, 1, 2, 3), [4, 3]) },
    known: [
      ['float32', [null, 3]],
      ['int64', [null]],
      ['int64', [4]],
      ['int64', [null]],
    ],
  },
  'Unique of all': {
    build: (b) => b.ops('Unique', [b.input('x', [4, 3])], {}, { outputs: 4 }),
    feeds: { x: floats(4, 3) },
    known: [
      ['float32', [null]],
      ['int64', [null]],
      ['int64', [12]],
      ['int64', [null]],
    ],
  },
  'Tokens that a mask keeps before those that it leaves out': {
    build: (b) => {
      const mask = b.op('Cast', [b.input('mask', [5], 'int64')], { to: typeAttribute('bool') });
      const x = b.input('x', [5, 3]);
      const rows = (where: string) => b.op('GatherND', [x, b.op('Transpose', [b.op('NonZero', [where])])]);
      const [kept, left] = [rows(mask), rows(b.op('Not', [mask]))];
      const both = b.op('Concat', [kept, b.input('y', [2, 3]), b.op('Relu', [left])], { axis: 0 });
      return [both, b.op('Concat', [kept, kept], { axis: 0 }), b.op('Unsqueeze', [both, b.ints('first', [0])])];
    },
    feeds: { mask: ints(1, 0, 1, 1, 0), x: floats(5, 3), y: floats(2, 3) },
    known: [
      ['float32', [7, 3]],
      ['float32', [null, 3]],
      ['float32', [1, 7, 3]],
    ],
  },
  'Bernoulli of another type': {
    build: (b) => b.ops('Bernoulli', [b.op('Sigmoid', [b.input('x', [2, 3])])], { dtype: typeAttribute('int32') }),
    feeds: { x: floats(2, 3) },
    known: [['int32', [2, 3]]],
  },
  Multinomial: {
    build: (b) => b.ops('Multinomial', [b.input('x', [2, 3])], { sample_size: 5, dtype: typeAttribute('int64') }),
    feeds: { x: floats(2, 3) },
    known: [['int64', [2, 5]]],
  },
  'QuantizeLinear without a zero point, of a given type': {
    build: (b) =>
      b.ops('QuantizeLinear', [b.input('x', [2, 3]), b.weight('scale', [], [0.5])], {
        output_dtype: typeAttribute('int8'),
      }),
    feeds: { x: floats(2, 3) },
    known: [['int8', [2, 3]]],
  },
  'QuantizeLinear without either': {
    build: (b) => b.ops('QuantizeLinear', [b.input('x', [2, 3]), b.weight('scale', [], [0.5])]),
    feeds: { x: floats(2, 3) },
    known: [['uint8', [2, 3]]],
  },
  LSTM: {
    build: (b) =>
      b.ops(
        'LSTM',
        [b.input('x', [7, 2, 5]), ...weights(b, 4)],
        { hidden_size: 6, direction: 'bidirectional' },
        { outputs: 3 },
      ),
    feeds: { x: floats(7, 2, 5) },
    known: [
      ['float32', [7, 2, 2, 6]],
      ['float32', [2, 2, 6]],
      ['float32', [2, 2, 6]],
    ],
  },
  'GRU without a hidden size': {
    build: (b) =>
      b.ops(
        'GRU',
        [b.input('x', [7, 2, 5]), ...weights(b, 3)],
        { hidden_size: 6, direction: 'bidirectional' },
        { outputs: 2 },
      ),
    feeds: { x: floats(7, 2, 5) },
    known: [
      ['float32', [7, 2, 2, 6]],
      ['float32', [2, 2, 6]],
    ],
  },
};

describe.each(Object.entries(cases))('%s', (_, { build, feeds, known }) => {
  const outputs: string[] = [];
  const model = buildModel(
    (b) => {
      outputs.push(...build(b));
      for (const name of outputs) b.output(name, undefined);
    },
    { opset: 21 },
  );

  it('has the shape and type that it has when it runs, as far as that is known before', async () => {
    const types = inferShapes(model);
    const numbers = (name: string) => types.get(name)?.shape?.map((dim) => (typeof dim === 'number' ? dim : null));
    expect(outputs.map((name) => [types.get(name)?.dataType, numbers(name)])).toEqual(known);
    const untyped = {
      ...model,
      graph: {
        ...model.graph,
        outputs: outputs.map((name) => ({ name, type: { dataType: types.get(name)!.dataType, shape: null } })),
      },
    };
    const session = await InferenceSession.create(writeModel(untyped), { intraOpNumThreads: 1, logSeverityLevel: 4 });
    const results = await session.run(feeds as Record<string, Tensor>);
    for (const [i, name] of outputs.entries()) {
      expect(results[name]!.type).toBe(known[i]![0]);
      expect(results[name]!.dims.map((dim, axis) => (known[i]![1][axis] === null ? null : dim))).toEqual(known[i]![1]);
    }
    await session.release();
  });
});
