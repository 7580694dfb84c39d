/** Keys and values that every frame shares, computed once per clip, against the runtime on the graph as it was. */
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../../onnx/checkModel';
import type { Model } from '../../onnx/model';
import { buildModel } from '../../onnx/testing/buildModel';
import { loadModel, maxDifference } from '../testing/runModel';
import { fuse } from './fuse';

const [frames, pixels, words, width, heads] = [3, 4, 5, 16, 2];
const sizes = { bindings: new Map([['batch', 2]]), free: new Set(['batch']), batch: 2 };
const opsets = new Map([
  ['', 17],
  ['com.microsoft', 1],
]);

/** Frames [batch frames, pixels, width] look at text [batch, words, width], repeated frame by frame or clip by clip. */
function model({ clipsFirst = true, values = 'text' } = {}): Model {
  return buildModel(
    (b) => {
      const x = b.input('x', ['batch', frames, pixels, width]);
      const rows = b.op('Reshape', [x, b.ints('rows', [-1, pixels, width])]);
      const text = b.input('text', ['batch', words, width]);
      const apart = b.op('Reshape', [
        text,
        b.ints('apart', clipsFirst ? [-1, 1, words, width] : [1, -1, words, width]),
      ]);
      const one = b.ints('frames', clipsFirst ? [1, frames, 1, 1] : [frames, 1, 1, 1]);
      const repeated = b.op('Reshape', [b.op('Expand', [apart, one]), b.ints('joined', [-1, words, width])]);
      const projected = (name: string, from: string) => b.op('MatMul', [from, b.weight(name, [width, width])]);
      const biased = b.op('Add', [projected('to_v', values === 'text' ? repeated : rows), b.weight('bias', [width])]);
      b.op(
        'MultiHeadAttention',
        [projected('to_q', rows), projected('to_k', repeated), biased],
        { num_heads: heads },
        { outputs: ['y'], domain: 'com.microsoft' },
      );
      b.output('y', null);
    },
    { opsets },
  );
}

const feeds = (clips: number) => {
  const filled = (dims: readonly number[], stream: number) => {
    const length = dims.reduce((product, dim) => product * dim, 1);
    return new Tensor(
      'float32',
      Float32Array.from({ length }, (_, i) => Math.sin(i * stream)),
      [...dims],
    );
  };
  return { x: filled([clips, frames, pixels, width], 1.3), text: filled([clips, words, width], 0.7) };
};

/** Rows that products with a matrix have, by the weight's name. */
const isShared = ({ graph }: Model) => graph.nodes.find(({ opType }) => opType === 'Expand') === undefined;

describe('keys that repeat', () => {
  it('are computed once per clip', async () => {
    const [before, after] = [model(), fuse(model(), sizes)];
    checkModel(after);
    expect(isShared(after)).toBe(true);
    const [one, other] = [await loadModel(before), await loadModel(after)];
    for (const clips of [1, 2, 3])
      expect(maxDifference(await other.run(feeds(clips)), await one.run(feeds(clips)))).toBeLessThan(1e-5);
    await Promise.all([one.release(), other.release()]);
  });

  it('stay where clips alternate, or where a gate may replace them', () => {
    expect(isShared(fuse(model({ clipsFirst: false }), sizes))).toBe(false);
    const key = model().graph.nodes.find(({ opType, inputs }) => opType === 'MatMul' && inputs[1] === 'to_k')!;
    expect(isShared(fuse(model(), sizes, { kept: key.outputs }))).toBe(false);
  });
});
