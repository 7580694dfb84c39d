/** Norms by groups as layer normalisation, against the runtime on the graph as it was. */
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../../onnx/checkModel';
import type { Model } from '../../onnx/model';
import { buildModel } from '../../onnx/testing/buildModel';
import { maxDifference, runOnce } from '../testing/runModel';
import { allFusions, fuse, fusionsOn } from './fuse';

const sizes = { bindings: new Map([['batch', 2]]), free: new Set(['batch']), batch: 2 };
const webgpu = fusionsOn('webgpu', new Set());

const model = (scale: number, opset = 17): Model =>
  buildModel(
    (b) => {
      const grouped = b.op('Reshape', [b.input('x', ['batch', 8, 6]), b.ints('groups', [-1, 4, 12])]);
      const ones = b.weight('ones', [4], new Array<number>(4).fill(scale));
      const zeros = b.weight('zeros', [4], new Array<number>(4).fill(0));
      const normal = b.op('InstanceNormalization', [grouped, ones, zeros], { epsilon: { kind: 'float', value: 1e-3 } });
      b.op('Relu', [normal], {}, { outputs: ['y'] });
      b.output('y', null);
    },
    { opset },
  );

const feeds = (clips: number) => ({
  x: new Tensor(
    'float32',
    Float32Array.from({ length: clips * 48 }, (_, i) => 2 + Math.sin(i * 1.7)),
    [clips, 8, 6],
  ),
});
const count = ({ graph }: Model, opType: string) => graph.nodes.filter((node) => node.opType === opType).length;

describe('norms by groups', () => {
  it('are layer normalisations for WebGPU, and compute the same', async () => {
    const [before, after] = [model(1), fuse(model(1), sizes, { fusions: webgpu })];
    checkModel(after);
    expect(count(after, 'LayerNormalization')).toBe(1);
    for (const clips of [1, 3])
      expect(maxDifference(await runOnce(after, feeds(clips)), await runOnce(before, feeds(clips)))).toBeLessThan(1e-5);
  });

  it('stay on other backends, with a scale of their own, and where the operator is not there', () => {
    expect(count(fuse(model(1), sizes, { fusions: allFusions }), 'InstanceNormalization')).toBe(1);
    expect(count(fuse(model(2), sizes, { fusions: webgpu }), 'InstanceNormalization')).toBe(1);
    expect(count(fuse(model(1, 16), sizes, { fusions: webgpu }), 'InstanceNormalization')).toBe(1);
  });
});
