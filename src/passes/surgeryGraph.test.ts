import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../onnx/checkModel';
import { buildModel } from '../onnx/testing/buildModel';
import { withValues } from './surgeryGraph';
import { maxDifference, runOnce } from './testing/runModel';

/** Fused additions of a residual x, a branch and the bias of the branch's last product. */
const model = buildModel(
  (b) => {
    const x = b.input('x', [1, 3, 4]);
    const branch = b.op('MatMul', [x, b.weight('w', [4, 4])]);
    b.ops(
      'SkipLayerNormalization',
      [x, branch, b.weight('gamma', [4]), b.weight('beta', [4]), b.weight('bias', [4])],
      {},
      { domain: 'com.microsoft', name: 'skip', outputs: ['y'] },
    );
    b.output('y', [1, 3, 4]);
  },
  {
    opsets: new Map([
      ['', 17],
      ['com.microsoft', 1],
    ]),
  },
);

describe('fused additions', () => {
  it('are spelt out where a cut needs their sum, in a graph that the runtime takes and that does the same', async () => {
    const spelt = withValues(model, [{ exit: 'y:sum', entry: 'x' }]);
    checkModel(spelt);
    expect(spelt.graph.nodes.map(({ opType }) => opType)).toEqual(['MatMul', 'Add', 'Add', 'LayerNormalization']);
    const feeds = {
      x: new Tensor(
        'float32',
        Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)),
        [1, 3, 4],
      ),
    };
    // Two kernels take the mean and the variance in another order: machines differ by 7e-6.
    expect(maxDifference(await runOnce(spelt, feeds), await runOnce(model, feeds))).toBeLessThan(3e-5);
  });

  it('stay fused where no cut needs their sum', () => {
    expect(withValues(model, [{ exit: 'y', entry: 'x' }])).toBe(model);
  });
});
