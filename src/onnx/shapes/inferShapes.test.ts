/** Inferred shapes against what PyTorch and onnxruntime wrote into real exports, and operator by operator. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listExports, readExportedModel } from '../../../fixtures/exports/readExport';
import type { Dim, Model, TensorType } from '../model';
import { readModel } from '../readModel';
import {
  type AttributeInput,
  buildGraph,
  buildModel,
  floatTensor,
  type GraphBuilder,
  typeAttribute,
} from '../testing/buildModel';
import { countMacs } from './countMacs';
import { evaluateDim } from './dimExpression';
import { inferShapes } from './inferShapes';

const root = join(__dirname, '../../../fixtures/exports');

/** Without what the file says of inner values and outputs. */
const undeclared = (model: Model): Model => ({
  ...model,
  graph: { ...model.graph, valueInfo: new Map(), outputs: model.graph.outputs.map(({ name }) => ({ name })) },
});

const isNumbers = (shape: readonly Dim[] | null | undefined): boolean =>
  shape?.every((dim) => typeof dim === 'number') ?? false;

describe('real exports', () => {
  it.each(listExports(root))('%s: nothing differs from the shapes in the file', (path) => {
    const model = readModel(readExportedModel(root, path));
    const types = inferShapes(undeclared(model));
    const made = new Set(model.graph.nodes.flatMap(({ outputs }) => outputs));
    const wrong: string[] = [];
    for (const { name, type } of [...model.graph.valueInfo.values(), ...model.graph.outputs]) {
      const inferred = types.get(name);
      if (!made.has(name) || !type || !inferred) continue;
      const differs =
        type.shape &&
        inferred.shape &&
        (type.shape.length !== inferred.shape.length ||
          type.shape.some(
            (dim, i) => typeof dim === 'number' && typeof inferred.shape![i] === 'number' && dim !== inferred.shape![i],
          ));
      if (type.dataType !== inferred.dataType || differs)
        wrong.push(`${name}: ${JSON.stringify(type)} inferred as ${JSON.stringify(inferred)}`);
    }
    expect(wrong).toEqual([]);
    // mochi selects tokens by their mask: how many is not in the graph
    if (!path.startsWith('mochi') && !path.includes('dynamic'))
      expect([...made].filter((name) => name !== '' && !isNumbers(types.get(name)?.shape))).toEqual([]);
  });
});

const typesOf = (
  build: (b: GraphBuilder) => string,
  bindings?: ReadonlyMap<string, number>,
  opset = 18,
): TensorType | undefined => {
  let name = '';
  const model = buildModel((b) => void (name = build(b)), {
    opsets: new Map([
      ['', opset],
      ['com.microsoft', 1],
    ]),
  });
  return inferShapes(model, bindings).get(name);
};

type Inputs = readonly (readonly Dim[] | null)[];

const shapeAfter = (
  opType: string,
  inputs: Inputs,
  attributes: Readonly<Record<string, AttributeInput>> = {},
  more: readonly (readonly number[])[] = [],
) =>
  typesOf((b) =>
    b.op(
      opType,
      [...inputs.map((shape, i) => b.input(`x${i}`, shape)), ...more.map((values, i) => b.ints(`i${i}`, values))],
      attributes,
    ),
  )?.shape;

describe('operators', () => {
  const cases: readonly (readonly [
    string,
    Inputs,
    Readonly<Record<string, AttributeInput>>,
    readonly (readonly number[])[],
    readonly Dim[] | null,
  ])[] = [
    [
      'Add',
      [
        [2, 1, 4],
        [3, 1],
      ],
      {},
      [],
      [2, 3, 4],
    ],
    ['Add', [['b', 4], [1]], {}, [], ['b', 4]],
    ['Add', [null, [1]], {}, [], null],
    [
      'MatMul',
      [
        ['b', 1, 5, 3],
        [7, 3, 2],
      ],
      {},
      [],
      ['b', 7, 5, 2],
    ],
    ['MatMul', [[3], [3, 2]], {}, [], [2]],
    [
      'Gemm',
      [
        [5, 2],
        [7, 5],
      ],
      { transA: 1, transB: 1 },
      [],
      [2, 7],
    ],
    [
      'Conv',
      [
        [1, 3, 9, 16, 16],
        [8, 3, 3, 3, 3],
      ],
      { strides: [1, 2, 2], pads: [1, 1, 1, 1, 1, 1] },
      [],
      [1, 8, 9, 8, 8],
    ],
    [
      'Conv',
      [
        [1, 3, 'h', 16],
        [8, 3, 3, 3],
      ],
      {},
      [],
      [1, 8, null, 14],
    ],
    [
      'ConvTranspose',
      [
        [1, 8, 5],
        [8, 4, 4],
      ],
      { strides: [2], pads: [1, 1] },
      [],
      [1, 4, 10],
    ],
    ['AveragePool', [[1, 3, 7, 7]], { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }, [], [1, 3, 4, 4]],
    ['Reshape', [[2, 'f', 6]], {}, [[0, -1, 3]], [2, null, 3]],
    ['Reshape', [[2, 'f', 6]], {}, [[12, -1]], [12, 'f']],
    ['Reshape', [[2, 3, 6]], {}, [[-1, 9]], [4, 9]],
    ['Transpose', [[2, 'f', 6]], { perm: [2, 0, 1] }, [], [6, 2, 'f']],
    ['Squeeze', [[1, 'f', 1]], {}, [[0, -1]], ['f']],
    ['Unsqueeze', [[2, 3]], {}, [[0, -1]], [1, 2, 3, 1]],
    [
      'Concat',
      [
        [2, 3],
        [2, 'n'],
      ],
      { axis: -1 },
      [],
      [2, null],
    ],
    [
      'Concat',
      [
        ['n', 3],
        [2, 4],
      ],
      { axis: 1 },
      [],
      [2, 7],
    ],
    ['Slice', [[10, 'n']], {}, [[-3], [2 ** 40], [0], [2]], [2, 'n']],
    ['Slice', [[10, 'n']], {}, [[8], [-100], [0], [-3]], [3, 'n']],
    [
      'Gather',
      [
        [5, 6, 7],
        [2, 'k'],
      ],
      { axis: 1 },
      [],
      [5, 2, 'k', 7],
    ],
    ['Tile', [[2, 1, 3]], {}, [[1, 4, 2]], [2, 4, 6]],
    ['Expand', [[1, 3]], {}, [[2, 1, 1]], [2, 1, 3]],
    ['Pad', [[2, 3]], {}, [[0, 1, 0, 2]], [2, 6]],
    ['ReduceMean', [[2, 3, 4]], { keepdims: 0 }, [[-1]], [2, 3]],
    ['ReduceMean', [[2, 3, 4]], {}, [], [1, 1, 1]],
    [
      'Einsum',
      [
        [2, 3, 4],
        [2, 4, 'n'],
      ],
      { equation: 'bij,bjk->bik' },
      [],
      [2, 3, 'n'],
    ],
    ['DepthToSpace', [[1, 8, 3, 5]], { blocksize: 2 }, [], [1, 2, 6, 10]],
    ['Flatten', [[2, 3, 4]], { axis: 2 }, [], [6, 4]],
    ['Softmax', [['b', 3]], {}, [], ['b', 3]],
    ['NoSuchOperator', [[1]], {}, [], undefined as unknown as null],
  ];
  it.each(cases)('%s of %j with %j %j: %j', (opType, inputs, attributes, more, expected) => {
    expect(shapeAfter(opType, inputs, attributes, more)).toEqual(expected);
  });

  it('give every output its part', () => {
    const model = buildModel(
      (b) => b.ops('Split', [b.input('x', [2, 7])], { axis: 1, num_outputs: 3 }, { outputs: ['a', 'b', 'c'] }),
      { opset: 18 },
    );
    const types = inferShapes(model);
    expect(['a', 'b', 'c'].map((name) => types.get(name)!.shape)).toEqual([
      [2, 3],
      [2, 3],
      [2, 1],
    ]);
  });

  it('keep or change the type', () => {
    expect(typesOf((b) => b.op('Cast', [b.input('x', [2])], { to: typeAttribute('float16') }))).toEqual({
      dataType: 'float16',
      shape: [2],
    });
    expect(typesOf((b) => b.op('Less', [b.input('x', [2]), 'x']))!.dataType).toBe('bool');
    expect(typesOf((b) => b.op('Where', [b.input('c', [1], 'bool'), b.input('x', [2]), 'x']))!.dataType).toBe(
      'float32',
    );
  });

  it('follow the operators of onnxruntime under either domain', () => {
    const fused = (domain: string) =>
      typesOf((b) => b.op('SkipLayerNormalization', [b.input('x', [1, 4, 8]), 'x'], {}, { domain }))!.shape;
    expect(fused('com.microsoft')).toEqual([1, 4, 8]);
    expect(fused('')).toEqual([1, 4, 8]);
    expect(typesOf((b) => b.op('Relu', [b.input('x', [1])], {}, { domain: 'constructor' }))).toBeUndefined();
  });
});

describe('shapes computed in the graph', () => {
  /** x [2, f, 6] -> reshape to [shape(x)[0] * 3, -1], as exporters write it. */
  const reshaped = (b: GraphBuilder): string => {
    const x = b.input('x', [2, 'f', 6]);
    const first = b.op('Gather', [b.op('Shape', [x]), b.ints('zero', 0)], { axis: 0 });
    const rows = b.op('Unsqueeze', [b.op('Mul', [first, b.ints('three', 3)]), b.ints('axes', [0])]);
    return b.op('Reshape', [x, b.op('Concat', [rows, b.ints('rest', [-1])], { axis: 0 })]);
  };

  it('are followed as far as the numbers go', () => {
    expect(typesOf(reshaped)!.shape).toEqual([6, null]);
    expect(typesOf(reshaped, new Map([['f', 5]]))!.shape).toEqual([6, 10]);
  });

  it('keep the names of symbolic dimensions', () => {
    const expanded = (b: GraphBuilder) =>
      b.op('Expand', [b.input('x', [1, 3]), b.op('Shape', [b.input('y', ['batch', 3])])]);
    expect(typesOf(expanded)!.shape).toEqual(['batch', 3]);
  });

  it('are folded as the type computes: integers truncate', () => {
    const made = (b: GraphBuilder) =>
      b.op('ConstantOfShape', [b.op('Div', [b.ints('a', [7, -7]), b.op('Neg', [b.ints('b', [2, -2])])])]);
    expect(typesOf(made)!.shape).toEqual([null, null]); // [-3, -3]: no shape
    const range = (b: GraphBuilder) =>
      b.op('Range', [b.ints('from', 0), b.op('Div', [b.ints('a', 7), b.ints('b', 2)]), b.ints('step', 1)]);
    expect(typesOf(range)).toEqual({ dataType: 'int64', shape: [3] });
  });

  it('are not computed with large tensors', () => {
    const big = (b: GraphBuilder) =>
      b.op('ConstantOfShape', [
        b.op('Slice', [b.ints('big', new Array<number>(2000).fill(2)), b.ints('from', [0]), b.ints('to', [3])]),
      ]);
    expect(typesOf(big)!.shape).toEqual([null, null, null]);
  });

  it('that no tensor can have stay unknown', () => {
    const doubled = (b: GraphBuilder) => {
      let x = b.input('x', [1, 1]);
      for (let i = 0; i < 40; i++) x = b.op('Gather', [x, x]); // the rank nearly doubles each time
      return x;
    };
    expect(typesOf(doubled)!.shape).toBeNull();
    expect(
      typesOf((b) => b.op('Add', [b.op('Split', [b.ints('x', [1, 2])], { split: [2 ** 40] }), b.ints('y', 1)]))!.shape,
    ).toEqual([2 ** 40]); // in no time
    expect(
      typesOf((b) =>
        b.op('Transpose', [b.ints('x', new Array<number>(1000).fill(1))], { perm: new Array<number>(20).fill(0) }),
      )!.shape,
    ).toHaveLength(20);
  });
});

describe('declared shapes', () => {
  it('complete what cannot be computed, and lose against what can', () => {
    const model = buildModel((b) => {
      b.op('NoSuchOperator', [b.input('x', [2])], {}, { outputs: ['y'] });
      b.op('Relu', ['x'], {}, { outputs: ['z'] });
      b.valueInfo('y', ['n', 3]);
      b.valueInfo('z', [99]);
    });
    const types = inferShapes(model, new Map([['n', 4]]));
    expect(types.get('y')).toEqual({ dataType: 'float32', shape: [4, 3] });
    expect(types.get('z')).toEqual({ dataType: 'float32', shape: [2] });
  });

  it('may be expressions of bound names', () => {
    const bindings = new Map([
      ['h', 9],
      ['batch', 2],
      ['s 1', 5],
    ]);
    expect(evaluateDim('(h - 1)//2 + 1', bindings)).toBe(5);
    expect(evaluateDim('2*batch*-h', bindings)).toBe(-36);
    expect(evaluateDim('s 1', bindings)).toBe(5);
    for (const text of ['w', 'h/2', 'h +', '(h', 'h)', '1/0', 'floor(h)', '', 'h h', '('.repeat(500)])
      expect(evaluateDim(text, bindings), text).toBeUndefined();
  });
});

describe('subgraphs', () => {
  const branch = (name: string, dims: readonly number[]) =>
    buildGraph((b) => b.output(b.op('Add', ['x', b.weight(`${name} w`, dims)])), name);

  it('give what both branches agree on, or the one that is taken', () => {
    const either = (b: GraphBuilder) => (
      b.input('x', [1, 4]),
      b.op('If', [b.input('c', [], 'bool')], { then_branch: branch('t', [3, 1]), else_branch: branch('e', [5, 1]) })
    );
    expect(typesOf(either)).toEqual({ dataType: 'float32', shape: [null, 4] });
    const taken = (b: GraphBuilder) => (
      b.input('x', [1, 4]),
      b.op('If', [b.tensor(floatTensor('c', [], [1]))], {
        then_branch: branch('t', [3, 1]),
        else_branch: branch('e', [5, 1]),
      })
    );
    expect(typesOf(taken)!.shape).toEqual([3, 4]);
  });

  it('of loops: what changes from round to round is unknown, what is collected has a new axis', () => {
    const body = buildGraph((b) => {
      b.input('i', [], 'int64');
      b.input('go', [], 'bool');
      b.input('same', null);
      b.input('grows', null);
      b.output('go');
      b.output(b.op('Relu', ['same']));
      b.output(b.op('Concat', ['grows', 'grows'], { axis: 0 }));
      b.output(b.op('Neg', ['same']));
    }, 'body');
    const model = buildModel((b) =>
      b.ops(
        'Loop',
        [b.ints('rounds', 7), '', b.input('x', [2, 3]), 'x'],
        { body },
        { outputs: ['same.', 'grows.', 'all.'] },
      ),
    );
    const types = inferShapes(model);
    expect(['same.', 'grows.', 'all.'].map((name) => types.get(name)!.shape)).toEqual([
      [2, 3],
      [null, 3],
      [7, 2, 3],
    ]);
  });
});

describe('multiply-accumulates', () => {
  const macs = (opType: string, inputs: Inputs, attributes: Readonly<Record<string, AttributeInput>> = {}) => {
    const model = buildModel(
      (b) =>
        void b.op(
          opType,
          inputs.map((shape, i) => b.input(`x${i}`, shape)),
          attributes,
        ),
    );
    return countMacs(model.graph.nodes[0]!, inferShapes(model));
  };

  it('are those of matrix products and convolutions', () => {
    expect(
      macs('MatMul', [
        [2, 3, 4],
        [4, 5],
      ]),
    ).toBe(2 * 3 * 4 * 5);
    expect(
      macs(
        'Gemm',
        [
          [4, 3],
          [4, 5],
        ],
        { transA: 1 },
      ),
    ).toBe(3 * 4 * 5);
    expect(
      macs(
        'Conv',
        [
          [1, 6, 8, 8],
          [4, 3, 3, 3],
        ],
        { group: 2, pads: [1, 1, 1, 1] },
      ),
    ).toBe(4 * 8 * 8 * 3 * 9);
    expect(
      macs(
        'Einsum',
        [
          [2, 3, 4],
          [2, 4, 5],
        ],
        { equation: 'bij,bjk->bik' },
      ),
    ).toBe(2 * 3 * 4 * 5);
    expect(macs('Add', [[2, 3], [3]])).toBe(0);
    expect(
      macs('MatMul', [
        ['n', 4],
        [4, 5],
      ]),
    ).toBe(0);
  });
});
