/** Each form of a convolution against the runtime's own convolution, at batches other than the bound one. */
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../../onnx/checkModel';
import type { Model } from '../../onnx/model';
import { buildModel } from '../../onnx/testing/buildModel';
import { loadModel, maxDifference } from '../testing/runModel';
import { tidy } from './tidy';

interface Case {
  readonly image: readonly number[];
  readonly kernel: readonly number[];
  readonly pads: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  readonly group?: number;
  readonly bias?: boolean;
  /** The operators that it becomes. */
  readonly becomes: readonly string[];
}

const sizes = { bindings: new Map([['batch', 2]]), free: new Set(['batch']), batch: 2 };
const product = ['Reshape', 'Gemm', 'Reshape'];

const cases: readonly Case[] = [
  { image: [1, 1], kernel: [3, 3], pads: [1, 1, 1, 1], bias: true, becomes: product },
  { image: [2, 2], kernel: [3, 3], pads: [1, 1, 1, 1], bias: true, becomes: product },
  { image: [2, 2], kernel: [3, 3], pads: [1, 1, 1, 1], becomes: ['Reshape', 'MatMul', 'Reshape'] },
  { image: [2, 2], kernel: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2], bias: true, becomes: product },
  { image: [1, 3], kernel: [3, 3], pads: [2, 1, 0, 1], dilations: [1, 2], bias: true, becomes: product },
  { image: [1, 1], kernel: [1, 1], pads: [0, 0, 0, 0], bias: true, becomes: product },
  { image: [2, 1, 2], kernel: [3, 3, 3], pads: [1, 1, 1, 1, 1, 1], bias: true, becomes: product },
  { image: [4, 4], kernel: [3, 3], pads: [1, 1, 1, 1], bias: true, becomes: ['Conv'] },
  { image: [2, 2], kernel: [1, 1], pads: [0, 0, 0, 0], bias: true, becomes: ['Conv'] },
  { image: [2, 2], kernel: [3, 3], pads: [1, 1, 1, 1], group: 2, bias: true, becomes: ['Conv'] },
  {
    image: [6, 4, 3],
    kernel: [3, 1, 1],
    pads: [1, 0, 0, 1, 0, 0],
    bias: true,
    becomes: ['Reshape', 'Conv', 'Reshape'],
  },
  { image: [6, 1, 1], kernel: [3, 1, 1], pads: [2, 0, 0, 0, 0, 0], group: 2, becomes: ['Reshape', 'Conv', 'Reshape'] },
  {
    image: [6, 2, 2],
    kernel: [3, 1, 1],
    pads: [1, 0, 0, 1, 0, 0],
    strides: [2, 1, 1],
    becomes: ['Reshape', 'Conv', 'Reshape'],
  },
  {
    image: [5, 4, 6],
    kernel: [1, 3, 3],
    pads: [0, 1, 1, 0, 1, 1],
    bias: true,
    becomes: ['Transpose', 'Reshape', 'Conv', 'Reshape', 'Transpose'],
  },
  {
    image: [5, 4, 6],
    kernel: [1, 3, 3],
    pads: [0, 0, 1, 0, 0, 1],
    strides: [1, 2, 2],
    group: 2,
    becomes: ['Transpose', 'Reshape', 'Conv', 'Reshape', 'Transpose'],
  },
  { image: [5, 4, 6], kernel: [3, 3, 3], pads: [1, 1, 1, 1, 1, 1], becomes: ['Conv'] },
];

const channels = 4;

function convolution({ image, kernel, pads, strides, dilations, group = 1, bias }: Case): Model {
  return buildModel((b) => {
    const inputs = [b.input('x', ['batch', channels, ...image]), b.weight('w', [6, channels / group, ...kernel])];
    if (bias) inputs.push(b.weight('bias', [6]));
    b.op(
      'Conv',
      inputs,
      { pads, group, ...(strides ? { strides } : {}), ...(dilations ? { dilations } : {}) },
      { outputs: ['y'] },
    );
    b.output('y', null);
  });
}

describe('convolutions at bound sizes', () => {
  it.each(cases)('$kernel on $image, pads $pads -> $becomes', async (given) => {
    const before = convolution(given);
    const after = tidy(before, sizes);
    checkModel(after);
    expect(after.graph.nodes.map(({ opType }) => opType)).toEqual(given.becomes);
    const [one, other] = [await loadModel(before), await loadModel(after)];
    for (const clips of [1, 2, 3]) {
      const dims = [clips, channels, ...given.image];
      const values = Float32Array.from({ length: dims.reduce((a, c) => a * c, 1) }, (_, i) => Math.sin(i + 1));
      const feeds = { x: new Tensor('float32', values, dims) };
      expect(maxDifference(await other.run(feeds), await one.run(feeds))).toBeLessThanOrEqual(1e-5);
    }
    await Promise.all([one.release(), other.release()]);
  });

  it('stay as they are where the new weights are more than the budget', () => {
    const before = convolution({ image: [2, 2], kernel: [3, 3], pads: [1, 1, 1, 1], becomes: [] });
    const alone = tidy(before, sizes, { weightBudgetBytes: 100 });
    expect(alone.graph.nodes.map(({ opType }) => opType)).toEqual(['Conv']);
  });

  it('stay as they are where their weights are not in memory', () => {
    const model = convolution({ image: [1, 1], kernel: [3, 3], pads: [1, 1, 1, 1], becomes: [] });
    const weight = {
      ...model.graph.initializers.get('w')!,
      data: { kind: 'external', location: 'w.bin', offsetBytes: 0, lengthBytes: 864 },
    } as const;
    const external = { ...model, graph: { ...model.graph, initializers: new Map([['w', weight]]) } };
    expect(tidy(external, sizes).graph.nodes.map(({ opType }) => opType)).toEqual(['Conv']);
  });
});
