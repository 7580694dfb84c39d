/** Weights wherever a file keeps them: initializers, Constant nodes, branches and loop bodies, lists of inputs. */
import { describe, expect, it } from 'vitest';
import type { Model, Node } from '../onnx/model';
import { buildGraph, buildModel, floatTensor } from '../onnx/testing/buildModel';
import type { Block } from './block';
import { countTotals, weightsOf } from './countTotals';
import { discoverBlocks } from './discoverBlocks';

const plain = buildModel((b) => {
  let x = b.op(
    'MatMul',
    [b.input('sample', [1, 6, 8]), b.weight('proj_in.weight', [8, 8])],
    {},
    { name: '/proj_in/MatMul' },
  );
  for (let i = 0; i < 3; i++) {
    const at = (name: string) => `/blocks.${i}/${name}`;
    const up = b.op('MatMul', [x, b.weight(`blocks.${i}.up.weight`, [8, 16])], {}, { name: at('up/MatMul') });
    const scaled = b.op(
      'Mul',
      [b.op('Relu', [up], {}, { name: at('Relu') }), b.weight(`scale ${i}`, [], [0.5])],
      {},
      { name: at('Mul') },
    );
    const down = b.op(
      'MatMul',
      [scaled, b.weight(`blocks.${i}.down.weight`, [16, 8])],
      {},
      { name: at('down/MatMul') },
    );
    x = b.op('Add', [x, down], {}, { name: at('Add') });
  }
  b.op('Neg', [x], {}, { outputs: ['out_sample'] });
  b.output('out_sample', [1, 6, 8]);
});

/** Every initializer as a Constant node. */
function withConstants(model: Model): Model {
  const constants = [...model.graph.initializers.values()].map(
    (value): Node => ({
      name: '',
      domain: '',
      opType: 'Constant',
      inputs: [],
      outputs: [value.name],
      attributes: new Map([['value', { kind: 'tensor', value }]]),
    }),
  );
  return { ...model, graph: { ...model.graph, initializers: new Map(), nodes: [...constants, ...model.graph.nodes] } };
}

const treeOf = (model: Model) => discoverBlocks(model, { bindings: new Map() });

function held(blocks: readonly Block[]): Record<string, readonly [number, number]> {
  return Object.fromEntries(blocks.map(({ id, parameters, bytes }) => [id, [parameters, bytes] as const]));
}

describe('weights in Constant nodes', () => {
  const matrices = 64 + 3 * 2 * 128;

  it('count as those of initializers do, of blocks too; single numbers do not', () => {
    const [of, than] = [treeOf(withConstants(plain)), treeOf(plain)];
    expect(than.totals).toMatchObject({ parameters: matrices + 3, bytes: 4 * (matrices + 3) });
    expect(of.totals).toMatchObject({ parameters: matrices, bytes: 4 * matrices });
    expect(held(of.blocks)).toMatchObject({ 'blocks.0': [256, 1024], 'blocks.2': [256, 1024] });
    expect(Object.keys(held(of.blocks))).toEqual(Object.keys(held(than.blocks)));
  });

  it('count as a list of numbers', () => {
    const graph = buildGraph((b) =>
      b.output(b.op('Constant', [], { value_floats: { kind: 'floats', value: [1, 2, 3] } }, { outputs: ['c'] })),
    );
    expect([...weightsOf(graph)]).toEqual([['c', { parameters: 3, bytes: 12 }]]);
  });
});

it('weights of branches and loops count, for the block whose node holds them, at any depth', () => {
  const branch = (prefix: string, x: string, deeper: boolean) =>
    buildGraph((b) => {
      const w = b.tensor(floatTensor(`${prefix}.w`, [8, 8], new Array(64).fill(0.1)));
      const y = b.op('MatMul', [x, w]);
      const inner = (name: string) =>
        buildGraph((c) => c.output(c.op('Add', [y, c.weight(`${prefix}.${name}`, [8])])), `${prefix}.${name}.`);
      b.output(deeper ? b.op('If', ['flag'], { then_branch: inner('a'), else_branch: inner('b') }) : y);
    }, prefix);
  const model = buildModel((b) => {
    b.input('flag', [], 'bool');
    let x = b.op(
      'MatMul',
      [b.input('sample', [1, 6, 8]), b.weight('proj_in.weight', [8, 8])],
      {},
      { name: '/proj_in/MatMul' },
    );
    for (let i = 0; i < 2; i++) {
      const up = b.op('MatMul', [x, b.weight(`blocks.${i}.up.weight`, [8, 8])], {}, { name: `/blocks.${i}/up/MatMul` });
      const mixed = b.op(
        'If',
        ['flag'],
        { then_branch: branch(`t${i}`, up, true), else_branch: branch(`e${i}`, up, false) },
        { name: `/blocks.${i}/If` },
      );
      x = b.op('Add', [x, mixed], {}, { name: `/blocks.${i}/Add` });
    }
    b.op('Neg', [x], {}, { outputs: ['out_sample'] });
    b.output('out_sample', [1, 6, 8]);
  });
  const perBlock = 64 + 2 * 64 + 2 * 8;
  expect(countTotals(model, new Map()).parameters).toBe(64 + 2 * perBlock);
  expect(held(treeOf(model).blocks)).toMatchObject({
    'blocks.0': [perBlock, 4 * perBlock],
    'blocks.1': [perBlock, 4 * perBlock],
  });
});

it('weights that are inputs too count once, and so do sparse ones at their full size', () => {
  const inputs = [...plain.graph.inputs, ...[...plain.graph.initializers.keys()].map((name) => ({ name }))];
  const sparse = { name: 'sparse', type: { dataType: 'float32', shape: [10, 10] }, bytes: new Uint8Array(0) } as const;
  const graph = { ...plain.graph, inputs, sparseInitializers: new Map([['sparse', sparse]]) };
  const parameters = treeOf(plain).totals.parameters;
  expect(countTotals({ ...plain, graph: { ...graph, sparseInitializers: new Map() } }, new Map()).parameters).toBe(
    parameters,
  );
  expect(countTotals({ ...plain, graph }, new Map()).parameters).toBe(parameters + 100);
});
