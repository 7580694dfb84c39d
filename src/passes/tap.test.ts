import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../onnx/checkModel';
import { buildModel } from '../onnx/testing/buildModel';
import { writeModel } from '../onnx/writeModel';
import { tap } from './tap';

const model = buildModel((b) => {
  b.op('Relu', [b.input('x', [2])], {}, { outputs: ['inner'] });
  b.op('Neg', ['inner'], {}, { outputs: ['y'] });
  b.output('y', [2]);
});

describe('tap', () => {
  it('gives inner values after the outputs that are there, and changes neither', async () => {
    const tapped = tap(model, ['inner', 'y', 'inner']);
    checkModel(tapped);
    expect(tapped.graph.outputs.map(({ name }) => name)).toEqual(['y', 'inner']);
    const session = await InferenceSession.create(writeModel(tapped));
    const { y, inner } = await session.run({ x: new Tensor('float32', [-1, 3], [2]) });
    expect([...(inner!.data as Float32Array)]).toEqual([0, 3]);
    expect([...(y!.data as Float32Array)].map((value) => value + 0)).toEqual([0, -3]);
    await session.release();
  });

  it('names a value that is not there', () => {
    expect(() => tap(model, ['nowhere'])).toThrow(expect.objectContaining({ code: 'passes/unknown-value' }));
  });
});
