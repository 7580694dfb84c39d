/** Sums and norms fused, against the runtime on the graph as it was. */
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../../onnx/checkModel';
import type { Model } from '../../onnx/model';
import { buildModel, type GraphBuilder } from '../../onnx/testing/buildModel';
import { maxDifference, runOnce } from '../testing/runModel';
import { fuse, fusionsOn } from './fuse';

const sizes = { bindings: new Map([['batch', 2]]), free: new Set(['batch']), batch: 2 };
const opsets = new Map([
  ['', 17],
  ['com.microsoft', 1],
]);
const width = 12;

const norm = (b: GraphBuilder, x: string) =>
  b.op('LayerNormalization', [x, b.weight('scale', [width]), b.weight('shift', [width])], { axis: -1 });

function model(
  sum: (b: GraphBuilder, x: string, skip: string) => string,
  more?: (b: GraphBuilder, sum: string) => void,
): Model {
  return buildModel(
    (b) => {
      const added = sum(b, b.input('x', ['batch', 5, width]), b.input('skip', ['batch', 5, width]));
      b.op('Relu', [norm(b, added)], {}, { outputs: ['y'] });
      b.output('y', null);
      more?.(b, added);
    },
    { opsets },
  );
}

const feeds = (clips: number) => {
  const values = (stream: number) => Float32Array.from({ length: clips * 5 * width }, (_, i) => Math.sin(i * stream));
  return {
    x: new Tensor('float32', values(1.3), [clips, 5, width]),
    skip: new Tensor('float32', values(0.7), [clips, 5, width]),
  };
};

const operators = ({ graph }: Model) => graph.nodes.map(({ opType }) => opType);
const biased = (b: GraphBuilder, x: string) => b.op('Add', [b.op('Neg', [x]), b.weight('bias', [width])]);

const cases: readonly (readonly [string, readonly string[], Model])[] = [
  ['a sum', ['SkipLayerNormalization', 'Relu'], model((b, x, skip) => b.op('Add', [x, skip]))],
  ['with a bias', ['Neg', 'SkipLayerNormalization', 'Relu'], model((b, x, skip) => b.op('Add', [biased(b, x), skip]))],
  [
    'with a bias of the second',
    ['Neg', 'SkipLayerNormalization', 'Relu'],
    model((b, x, skip) => b.op('Add', [skip, biased(b, x)])),
  ],
];

describe('a sum and the norm that reads it', () => {
  it.each(cases)('%s', async (_, expected, before) => {
    const after = fuse(before, sizes, { fusions: fusionsOn('webgpu', new Set()) });
    checkModel(after);
    expect(operators(after)).toEqual(expected);
    for (const clips of [1, 3])
      expect(maxDifference(await runOnce(after, feeds(clips)), await runOnce(before, feeds(clips)))).toBeLessThan(1e-5);
  });

  it('leaves the sum to whoever else reads it', async () => {
    const before = model(
      (b, x, skip) => b.op('Add', [biased(b, x), skip]),
      (b, sum) => {
        b.op('Abs', [sum], {}, { outputs: ['z'] });
        b.output('z', null);
      },
    );
    const after = fuse(before, sizes, { fusions: fusionsOn('webgpu', new Set()) });
    checkModel(after);
    expect(operators(after)).not.toContain('Add');
    const swapped = ({ graph, ...rest }: Model): Model => ({
      ...rest,
      graph: { ...graph, outputs: graph.outputs.toReversed() },
    });
    for (const turn of [(m: Model) => m, swapped])
      expect(maxDifference(await runOnce(turn(after), feeds(2)), await runOnce(turn(before), feeds(2)))).toBeLessThan(
        1e-5,
      );
  });

  it('stays where a gate may replace the sum, or what is added is of another shape', () => {
    const kept = model((b, x, skip) => b.op('Add', [x, skip], {}, { outputs: ['sum'] }));
    expect(operators(fuse(kept, sizes, { kept: ['sum'] }))).toContain('Add');
    const narrow = model((b, x) => b.op('Add', [x, b.weight('one', [1, 1, width])]));
    expect(operators(fuse(narrow, sizes))).toContain('Add');
  });
});
