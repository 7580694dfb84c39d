import { describe, expect, it } from 'vitest';
import { capturedNames, consumers, producers, removeDeadCode, renameUses, topologicalOrder, usedNames } from './graph';
import type { Graph } from './model';
import { buildGraph, buildModel, type GraphBuilder } from './testing/buildModel';

const graphOf = (build: (b: GraphBuilder) => void): Graph => buildModel(build).graph;

/** Reads `outer` and, two levels down, `deep`; `shadowed` is its own. */
const body = buildGraph((b) => {
  const inner = buildGraph((c) => c.output(c.op('Add', ['deep', 'shadowed'])), 'inner');
  const own = b.op('Relu', ['outer'], {}, { outputs: ['shadowed'] });
  b.output(b.op('If', [own], { then_branch: inner, else_branch: inner }));
}, 'body');

const ifNode = graphOf((b) => void b.op('If', ['go', ''], { then_branch: body, else_branch: body })).nodes[0]!;

describe('what a node reads', () => {
  it('includes what its subgraphs capture, at any depth, and leaves out what they shadow', () => {
    expect(new Set(usedNames(ifNode))).toEqual(new Set(['go', 'outer', 'deep']));
    expect([...capturedNames(body)].sort()).toEqual(['deep', 'outer']);
  });

  it('is renamed in its subgraphs too, unless they shadow it', () => {
    const renamed = renameUses(ifNode, (name) => `${name}!`);
    expect(new Set(usedNames(renamed))).toEqual(new Set(['go!', 'outer!', 'deep!']));
    expect(renamed.inputs).toEqual(['go!', '']);
    const then = renamed.attributes.get('then_branch') as { readonly value: Graph };
    expect(then.value.nodes[0]!.outputs).toEqual(['shadowed']);
    expect(usedNames(then.value.nodes[1]!)).toContain('shadowed');
  });

  it('is indexed both ways', () => {
    const graph = graphOf((b) =>
      b.output(b.op('Mul', [b.op('Relu', [b.input('x', [1])], {}, { outputs: ['h'] }), 'h'])),
    );
    expect(producers(graph).get('h')!.opType).toBe('Relu');
    expect(
      consumers(graph)
        .get('h')!
        .map(({ opType }) => opType),
    ).toEqual(['Mul']);
    expect(producers(graph).has('x')).toBe(false);
  });
});

describe('topologicalOrder', () => {
  it('puts makers before readers and keeps the order of the rest', () => {
    const graph = graphOf((b) => {
      b.op('C', ['b'], {}, { outputs: ['c'] });
      b.op('First', ['x'], {}, { outputs: ['first'] });
      b.op('B', ['a'], {}, { outputs: ['b'] });
      b.op('A', ['x'], {}, { outputs: ['a'] });
    });
    expect(topologicalOrder(graph).map(({ opType }) => opType)).toEqual(['A', 'B', 'C', 'First']);
  });

  it('handles long chains, in any order', () => {
    const graph = graphOf((b) => {
      for (let i = 20_000; i > 0; i--) b.op('Add', [`v${i - 1}`, `v${Math.max(0, i - 2)}`], {}, { outputs: [`v${i}`] });
    });
    expect(topologicalOrder(graph).map(({ outputs }) => outputs[0])).toEqual(
      Array.from({ length: 20_000 }, (_, i) => `v${i + 1}`),
    );
  });

  it.each([
    [
      'of two nodes',
      [
        ['a', 'b'],
        ['b', 'a'],
      ],
    ],
    ['of one', [['a', 'a']]],
    [
      'beside a way in',
      [
        ['x', 'a'],
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'b'],
      ],
    ],
  ])('refuses a cycle %s', (_, edges) => {
    const graph = graphOf((b) =>
      edges.forEach(([from, to], i) => b.op('Add', [from!, 'x'], {}, { name: `n${i}`, outputs: [to!] })),
    );
    expect(() => topologicalOrder(graph)).toThrow(expect.objectContaining({ code: 'onnx/invalid-graph' }));
  });
});

describe('removeDeadCode', () => {
  it('takes an input that is a weight away with its weight, in the list of sparse ones too, and no input that carries data', () => {
    const dense = graphOf((b) => {
      for (const name of ['used', 'dead', 'sparse']) b.input(name, [1]);
      b.input('data', [1]);
      for (const name of ['used', 'dead']) b.weight(name, [1]);
      b.op('Add', ['x', 'dead'], {}, { outputs: ['gone'] });
      b.op('Add', ['x', 'used'], {}, { outputs: ['y'] });
      b.output('y');
      b.valueInfo('dead', [1]);
    });
    const sparse = { name: 'sparse', type: { dataType: 'float32', shape: [1] }, bytes: new Uint8Array(0) } as const;
    const graph = removeDeadCode({ ...dense, sparseInitializers: new Map([['sparse', sparse]]) });
    expect(graph.inputs.map(({ name }) => name)).toEqual(['used', 'data']);
    expect([...graph.initializers.keys()]).toEqual(['used']);
    expect(graph.sparseInitializers).toBeUndefined();
    expect([...graph.valueInfo.keys()]).toEqual([]);
  });

  it('keeps what the outputs need, captures included, and all inputs', () => {
    const graph = graphOf((b) => {
      b.input('unused', [1]);
      b.input('go', [], 'bool');
      b.weight('captured', [1]);
      b.weight('dead weight', [1]);
      b.op('Relu', ['captured'], {}, { outputs: ['outer'] });
      b.op('Relu', ['captured'], {}, { outputs: ['deep'] });
      b.op('Add', ['outer', 'dead weight'], {}, { outputs: ['dead'] });
      b.op('Neg', ['dead'], {}, { outputs: ['dead too'] });
      b.valueInfo('outer', [1]);
      b.valueInfo('dead', [1]);
      b.output(b.op('If', ['go'], { then_branch: body, else_branch: body }));
    });
    const live = removeDeadCode(graph);
    expect(live.nodes.map(({ opType }) => opType)).toEqual(['Relu', 'Relu', 'If']);
    expect([...live.initializers.keys()]).toEqual(['captured']);
    expect([...live.valueInfo.keys()]).toEqual(['outer']);
    expect(live.inputs).toEqual(graph.inputs);
    expect(removeDeadCode(live)).toEqual(live);
  });

  it('keeps scales and zero points that a live value is annotated with', () => {
    const graph = graphOf((b) => {
      b.weight('scale', []);
      b.weight('other scale', []);
      b.output(b.op('Relu', [b.input('x', [1])], {}, { outputs: ['y'] }));
    });
    const quantization = new Map([
      ['y', new Map([['SCALE_TENSOR', 'scale']])],
      ['gone', new Map([['SCALE_TENSOR', 'other scale']])],
    ]);
    const live = removeDeadCode({ ...graph, quantization });
    expect([...live.initializers.keys()]).toEqual(['scale']);
    expect([...live.quantization!.keys()]).toEqual(['y']);
  });
});
