import { describe, expect, it } from 'vitest';
import { checkModel } from './checkModel';
import { inlineFunctions } from './inlineFunctions';
import type { Attribute, Model, ModelFunction, Node } from './model';
import { inferShapes } from './shapes/inferShapes';
import { buildGraph, buildModel } from './testing/buildModel';

const node = (
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  more: Partial<Node> = {},
): Node => ({ name: '', domain: '', opType, inputs, outputs, attributes: new Map(), ...more });

const define = (
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  nodes: readonly Node[],
  more: Partial<ModelFunction> = {},
): ModelFunction => ({
  name,
  domain: 'f',
  inputs,
  outputs,
  nodes,
  attributes: [],
  attributeDefaults: new Map(),
  opsets: new Map([['', 17]]),
  valueInfo: new Map(),
  ...more,
});

const withFunctions = (functions: readonly ModelFunction[], build: Parameters<typeof buildModel>[0]): Model => ({
  ...buildModel(build, {
    opsets: new Map([
      ['', 17],
      ['f', 1],
    ]),
  }),
  functions,
});

const reference = (attribute: string, type: number): Attribute => ({ kind: 'reference', attribute, type });
const call = { domain: 'f' };

/** (a, b) -> relu(a) + b, named as outer values might be. */
const reluAdd = define(
  'ReluAdd',
  ['a', 'b'],
  ['y'],
  [node('Relu', ['a'], ['h'], { name: 'relu' }), node('Add', ['h', 'b'], ['y'], { name: 'add' })],
);

function inlined(model: Model): readonly Node[] {
  checkModel(model);
  const flat = inlineFunctions(model);
  checkModel(flat); // each value made once, everything that is read exists
  expect(flat.functions).toEqual([]);
  return flat.graph.nodes;
}

describe('inlineFunctions', () => {
  it('returns a model without functions as it is', () => {
    const model = buildModel((b) => b.output(b.op('Relu', [b.input('x', [1])])));
    expect(inlineFunctions(model)).toBe(model);
  });

  it('puts bodies in the place of calls, with the names of the caller', () => {
    const nodes = inlined(
      withFunctions([reluAdd], (b) =>
        b.output(
          b.op('ReluAdd', [b.input('x', [2]), b.input('z', [2])], {}, { ...call, name: 'call', outputs: ['out'] }),
        ),
      ),
    );
    expect(nodes.map(({ name, opType, inputs, outputs }) => [name, opType, inputs, outputs])).toEqual([
      ['call/relu', 'Relu', ['x'], ['call/h']],
      ['call/add', 'Add', ['call/h', 'z'], ['out']],
    ]);
  });

  it('keeps calls of one name apart from each other and from values of the graph', () => {
    const nodes = inlined(
      withFunctions([reluAdd], (b) => {
        const x = b.op('Neg', [b.input('x', [2])], {}, { outputs: ['call/h'] });
        const first = b.op('ReluAdd', [x, x], {}, { ...call, name: 'call', outputs: ['first'] });
        b.output(b.op('ReluAdd', [first, x], {}, { ...call, name: 'call', outputs: ['second'] }));
      }),
    );
    expect(nodes).toHaveLength(5);
  });

  it('leaves out the inputs that a call leaves out', () => {
    const clip = define('MyClip', ['a', 'low', 'high'], ['y'], [node('Clip', ['a', 'low', 'high'], ['y'])]);
    const [clipped] = inlined(
      withFunctions([clip], (b) => b.output(b.op('MyClip', [b.input('x', [2]), '', b.weight('one', [])], {}, call))),
    );
    expect(clipped!.inputs).toEqual(['x', '', 'one']);
    const [short] = inlined(withFunctions([clip], (b) => b.output(b.op('MyClip', [b.input('x', [2])], {}, call))));
    expect(short!.inputs).toEqual(['x', '', '']);
  });

  it('fills attributes from the call, then from the defaults, and drops what neither gives', () => {
    const attributes = new Map([
      ['given', reference('given', 2)],
      ['defaulted', reference('defaulted', 2)],
      ['absent', reference('absent', 2)],
    ]);
    const int = (value: bigint): Attribute => ({ kind: 'int', value });
    const definition = define('F', ['a'], ['y'], [node('Op', ['a'], ['y'], { attributes })], {
      attributes: ['given', 'absent'],
      attributeDefaults: new Map([
        ['defaulted', int(2n)],
        ['given', int(3n)],
      ]),
    });
    const [op] = inlined(
      withFunctions([definition], (b) => b.output(b.op('F', [b.input('x', [2])], { given: 1 }, call))),
    );
    expect([...op!.attributes]).toEqual([
      ['given', int(1n)],
      ['defaulted', int(2n)],
    ]);
  });

  it('inlines calls within functions and within subgraphs, captures included', () => {
    const body = () => buildGraph((b) => b.output(b.op('ReluAdd', ['x', 'x'], {}, { ...call, name: 'inner' })), 'body');
    const branch: Attribute = {
      kind: 'graph',
      value: buildGraph((b) => b.output(b.op('Relu', ['a'], {}, { outputs: ['r'] }))),
    };
    const outer = define(
      'Outer',
      ['a', 'go'],
      ['y'],
      [
        node('If', ['go'], ['t'], {
          attributes: new Map([
            ['then_branch', branch],
            ['else_branch', branch],
          ]),
        }),
        node('ReluAdd', ['t', 'a'], ['y'], call),
      ],
    );
    const model = withFunctions([reluAdd, outer], (b) => {
      const [x, go] = [b.input('x', [2, 3]), b.input('go', [], 'bool')];
      const y = b.op('If', [go], { then_branch: body(), else_branch: body() });
      b.output(b.op('Add', [y, b.op('Outer', [x, go], {}, { ...call, outputs: ['o'] })], {}, { outputs: ['sum'] }));
    });
    expect(inlined(model).map(({ opType }) => opType)).toEqual(['If', 'If', 'Relu', 'Add', 'Add']);
    expect(inferShapes(model).get('sum')).toEqual({ dataType: 'float32', shape: [2, 3] });
  });

  it('refuses long names of calls in each other, which would fill the memory', () => {
    const call = (depth: number, name: string): Node =>
      node(`F${depth}`, ['x'], ['y'], { name: name.padEnd(5_000, 'n'), domain: 'f' });
    const deepest = define('F0', ['x'], ['y'], [node('Relu', ['x'], ['y'])]);
    const others = Array.from({ length: 11 }, (_, i) =>
      define(`F${i + 1}`, ['x'], ['y'], [call(i, 'first'), { ...call(i, 'second'), outputs: ['z'] }]),
    );
    const model = withFunctions([deepest, ...others], (b) => {
      b.input('x', [1]);
      b.op('F11', ['x'], {}, { name: 'whole', domain: 'f', outputs: ['y'] });
      b.output('y', [1]);
    });
    expect(() => inlineFunctions(model)).toThrow(expect.objectContaining({ code: 'onnx/unsupported' }));
  });

  it('refuses functions that take subgraphs', () => {
    const definition = define(
      'F',
      ['a'],
      ['y'],
      [node('If', ['a'], ['y'], { attributes: new Map([['then_branch', reference('body', 5)]]) })],
      { attributes: ['body'] },
    );
    const model = withFunctions([definition], (b) =>
      b.output(b.op('F', [b.input('x', [])], { body: buildGraph(() => {}) }, call)),
    );
    expect(() => inlineFunctions(model)).toThrow(expect.objectContaining({ code: 'onnx/unsupported' }));
  });

  it('keeps the module path that a call stands for', () => {
    const metadata = new Map([['namespace', 'blocks.0']]);
    const nodes = inlined(
      withFunctions([reluAdd], (b) => b.output(b.op('ReluAdd', [b.input('x', [2]), 'x'], {}, { ...call, metadata }))),
    );
    expect(nodes.map((inner) => inner.metadata)).toEqual([metadata, metadata]);
  });
});

describe('names of inlined nodes', () => {
  const body = [node('Relu', ['x'], ['h'], { name: '/act' }), node('Neg', ['h'], ['g']), node('Abs', ['g'], ['y'])];
  const inlined = (names: readonly string[]) =>
    inlineFunctions(
      withFunctions([define('Block', ['x'], ['y'], body)], (b) => {
        b.input('x0', [1]);
        names.forEach((name, i) => b.op('Block', [`x${i}`], {}, { name, domain: 'f', outputs: [`x${i + 1}`] }));
        b.output(`x${names.length}`);
      }),
    );

  it.each([
    ['none', ['', '', '']],
    ['one for all', ['call', 'call', 'call']],
    ['one of a value', ['x1', 'x2', '']],
    ['their own', ['/blocks.0/Block', '/blocks.1/Block', '/blocks.2/Block']],
  ])('differ where the calls have %s', (_, names) => {
    const flat = inlined(names);
    checkModel(flat);
    const given = flat.graph.nodes.map(({ name }) => name);
    expect(new Set(given).size).toBe(9);
    expect(given.every((name) => name !== '' && !name.includes('//'))).toBe(true);
    expect(inlined(names)).toEqual(flat);
  });
});
