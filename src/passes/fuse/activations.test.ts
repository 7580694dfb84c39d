/** Activations in the forms that exporters write, fused, against the runtime on the graph as it was. */
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../../onnx/checkModel';
import type { Model } from '../../onnx/model';
import type { GraphBuilder } from '../../onnx/testing/buildModel';
import { buildModel } from '../../onnx/testing/buildModel';
import { maxDifference, runOnce } from '../testing/runModel';
import { fuse } from './fuse';

const opsets = new Map([
  ['', 18],
  ['com.microsoft', 1],
]);
const sizes = { bindings: new Map<string, number>() };

function model(activate: (b: GraphBuilder, x: string) => string): Model {
  return buildModel(
    (b) => {
      const x = b.op('Add', [b.input('x', [2, 40]), b.weight('bias', [40])]);
      b.op('Identity', [activate(b, x)], {}, { outputs: ['y'] });
      b.output('y', null);
    },
    { opsets },
  );
}

const number = (b: GraphBuilder, value: number) => b.weight(`${value}`, [], [value]);
const mul = (b: GraphBuilder, x: string, y: string) => b.op('Mul', [x, y]);
const erf1 = (b: GraphBuilder, x: string) =>
  b.op('Add', [b.op('Erf', [b.op('Div', [x, number(b, Math.SQRT2)])]), number(b, 1)]);

/** 1 + tanh(...), with x cubed by Pow or by products. */
function tanh1(b: GraphBuilder, x: string, cube: string): string {
  const inner = b.op('Add', [x, mul(b, number(b, 0.044715), cube)]);
  return b.op('Add', [number(b, 1), b.op('Tanh', [mul(b, inner, number(b, Math.sqrt(2 / Math.PI)))])]);
}

const fused: readonly (readonly [string, string, Model])[] = [
  ['GELU, x halved last', 'Gelu', model((b, x) => mul(b, mul(b, x, erf1(b, x)), number(b, 0.5)))],
  ['GELU, as dynamo has it', 'Gelu', model((b, x) => mul(b, x, mul(b, number(b, 0.5), erf1(b, x))))],
  ['GELU, x halved first', 'Gelu', model((b, x) => mul(b, mul(b, number(b, 0.5), x), erf1(b, x)))],
  [
    'GELU by tanh, Pow',
    'FastGelu',
    model((b, x) => mul(b, mul(b, number(b, 0.5), x), tanh1(b, x, b.op('Pow', [x, number(b, 3)])))),
  ],
  [
    'GELU by tanh, products',
    'FastGelu',
    model((b, x) => mul(b, number(b, 0.5), mul(b, x, tanh1(b, x, mul(b, x, mul(b, x, x)))))),
  ],
  ['SiLU', 'QuickGelu', model((b, x) => mul(b, x, b.op('Sigmoid', [x])))],
  ['QuickGELU', 'QuickGelu', model((b, x) => mul(b, x, b.op('Sigmoid', [mul(b, number(b, 1.702), x)])))],
];

const stays: readonly (readonly [string, Model])[] = [
  ['a gate by another value', model((b, x) => mul(b, b.op('Neg', [x]), b.op('Sigmoid', [x])))],
  ['0.45 in place of 0.5', model((b, x) => mul(b, mul(b, x, erf1(b, x)), number(b, 0.45)))],
  ['sigmoid(1.6 x)', model((b, x) => mul(b, x, b.op('Sigmoid', [mul(b, number(b, 1.6), x)])))],
  [
    'a factor of every channel',
    model((b, x) => mul(b, mul(b, x, erf1(b, x)), b.weight('half', [40], new Float32Array(40).fill(0.5)))),
  ],
];

const operators = ({ graph }: Model) => graph.nodes.map(({ opType }) => opType);

describe('activations', () => {
  it.each(fused)('%s becomes %s', async (_, opType, before) => {
    const after = fuse(before, sizes);
    checkModel(after);
    expect(operators(after)).toEqual(['Add', opType, 'Identity']);
    const feeds = {
      x: new Tensor(
        'float32',
        Float32Array.from({ length: 80 }, (_, i) => (i - 40) / 6),
        [2, 40],
      ),
    };
    expect(maxDifference(await runOnce(after, feeds), await runOnce(before, feeds))).toBeLessThanOrEqual(1e-5);
  });

  it.each(stays)('%s stays', (_, before) => {
    expect(operators(fuse(before, sizes))).toEqual(operators(before));
  });
});
