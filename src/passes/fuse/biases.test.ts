/** Products with their biases as one operator, against the runtime on the graph as it was. */
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../../onnx/checkModel';
import type { Model } from '../../onnx/model';
import { buildModel } from '../../onnx/testing/buildModel';
import { maxDifference, runOnce } from '../testing/runModel';
import { fuse } from './fuse';

const sizes = { bindings: new Map([['batch', 2]]), free: new Set(['batch']), batch: 2 };

const model = ({ dims = ['batch', 5, 6] as (string | number)[], bias = [8], biasFirst = false } = {}): Model =>
  buildModel((b) => {
    const x = b.input('x', dims);
    const product = b.op('MatMul', [x, b.weight('matrix', [6, 8])], {}, { outputs: ['product'] });
    const added = b.weight('bias', bias);
    b.op('Relu', [b.op('Add', biasFirst ? [added, product] : [product, added])], {}, { outputs: ['y'] });
    b.output('y', null);
  });

const feeds = (dims: readonly number[]) => {
  const length = dims.reduce((product, dim) => product * dim, 1);
  return {
    x: new Tensor(
      'float32',
      Float32Array.from({ length }, (_, i) => Math.sin(i * 1.3)),
      [...dims],
    ),
  };
};
const has = ({ graph }: Model, opType: string) => graph.nodes.some((node) => node.opType === opType);

describe('a product and its bias', () => {
  it.each([
    ['rows of clips', {}, [5, 6]],
    ['the bias first', { biasFirst: true }, [5, 6]],
    ['four axes', { dims: ['batch', 2, 3, 6] }, [2, 3, 6]],
    ['a matrix', { dims: ['batch', 6] }, [6]],
  ])('%s', async (_, options, dims) => {
    const [before, after] = [model(options), fuse(model(options), sizes)];
    checkModel(after);
    expect(has(after, 'Gemm') && !has(after, 'MatMul') && !has(after, 'Add')).toBe(true);
    for (const clips of [1, 3]) {
      const given = feeds([clips, ...dims]);
      expect(maxDifference(await runOnce(after, given), await runOnce(before, given))).toBeLessThan(1e-5);
    }
  });

  it('stay apart where the product is kept, or what is added is no bias of the columns', () => {
    expect(has(fuse(model(), sizes, { kept: ['product'] }), 'Gemm')).toBe(false);
    expect(has(fuse(model({ bias: [1] }), sizes), 'Gemm')).toBe(false);
    expect(has(fuse(model({ bias: [5, 8] }), sizes), 'Gemm')).toBe(false);
  });
});
