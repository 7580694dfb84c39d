/** Products with several matrices as one, against the runtime on the graph as it was. */
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../../onnx/checkModel';
import type { Model } from '../../onnx/model';
import { buildModel } from '../../onnx/testing/buildModel';
import { maxDifference, runOnce } from '../testing/runModel';
import { allFusions, fuse, fusionsOn } from './fuse';

const sizes = { bindings: new Map([['batch', 2]]), free: new Set(['batch']), batch: 2 };
const widths = [8, 8, 12, 4, 8, 8, 12, 4, 8, 8, 12, 4];

/** x by so many matrices, all of them side by side again. */
const model = (count: number, shared = false): Model =>
  buildModel((b) => {
    const x = b.input('x', ['batch', 5, 6]);
    const one = b.weight('one', [6, 8]);
    const parts = widths
      .slice(0, count)
      .map((width, i) => b.op('MatMul', [x, shared ? one : b.weight(`to_${i}`, [6, width])]));
    b.op('Concat', parts, { axis: -1 }, { outputs: ['y'] });
    b.output('y', null);
  });

const feeds = (clips: number) => ({
  x: new Tensor(
    'float32',
    Float32Array.from({ length: clips * 30 }, (_, i) => Math.sin(i)),
    [clips, 5, 6],
  ),
});
const products = ({ graph }: Model) => graph.nodes.filter(({ opType }) => opType === 'MatMul').length;

describe('products of one value', () => {
  it.each([
    [3, 1, fusionsOn('webgpu', new Set())],
    [4, 1, allFusions],
    [12, 2, allFusions],
  ])('%d become %d', async (count, expected, fusions) => {
    const [before, after] = [model(count), fuse(model(count), sizes, { fusions })];
    checkModel(after);
    expect(products(after)).toBe(expected);
    for (const clips of [1, 3])
      expect(maxDifference(await runOnce(after, feeds(clips)), await runOnce(before, feeds(clips)))).toBeLessThan(1e-5);
  });

  it('stay where they are few and the Split costs as much, or where a matrix is read twice', () => {
    expect(products(fuse(model(3), sizes))).toBe(3);
    expect(products(fuse(model(4, true), sizes))).toBe(4);
  });
});
