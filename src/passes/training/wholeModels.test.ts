/**
 * The gradient that a training step of a published model adds up, against torch.autograd in float64: with its attention
 * fused, keys shared by frames and views shortened before and after, it is the gradient of the model as exported. Two
 * transformers by default, all families under VDMINI_FULL=1.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { float32Feeds } from '../../../fixtures/exports/float32Feeds';
import { readExportedModel } from '../../../fixtures/exports/readExport';
import { readGradients } from '../../../fixtures/exports/readGradients';
import { checkModel } from '../../onnx/checkModel';
import { readModel } from '../../onnx/readModel';
import { writeModel } from '../../onnx/writeModel';
import { exportPaths, exportsRoot, full } from '../testing/exportSamples';
import { readParameters } from './parameters';
import { buildGradientStep, nextOf } from './trainingStep';

const paths = exportPaths.filter((path) => /fixed$/.test(path) && readGradients(exportsRoot, path));
const chosen = ['hunyuan/legacy/fixed', 'latte/dynamo/fixed'];

describe('gradients of a training step against torch.autograd', () => {
  it.each(full ? paths : chosen)('%s', { timeout: 300_000 }, async (path) => {
    const model = readModel(readExportedModel(exportsRoot, path));
    const reference = readGradients(exportsRoot, path)!;
    const names = new Set(reference.initializers);
    const { bindings, feeds, masks: inputValues } = float32Feeds(exportsRoot, path, model);
    const { model: step, layout } = buildGradientStep(model, {
      bindings,
      inputValues,
      losses: [{ kind: 'output', name: 'output', weight: 1 }],
      trainable: ({ name }) => names.has(name),
    });
    checkModel(step);
    const session = await InferenceSession.create(writeModel(step), { intraOpNumThreads: 1, logSeverityLevel: 4 });
    const parameters = await readParameters(model, layout);
    const vector = (data: Float32Array) => new Tensor('float32', data, [data.length]);
    const outputs = await session.run({
      ...feeds,
      target: new Tensor('float32', reference.target.values, reference.target.shape),
      parameters: vector(parameters),
      gradient: vector(new Float32Array(layout.length)),
    });
    expect((outputs['loss']!.data as Float32Array)[0]! / reference.loss).toBeCloseTo(1, 5);
    const gradient = outputs[nextOf('gradient')]!.data as Float32Array;
    expect(layout.parameters.length).toBe(names.size);
    for (const { name, offset, length } of layout.parameters)
      expect(reference.error(name, gradient.subarray(offset, offset + length)), name).toBeLessThan(1e-3);
    await session.release();
  });
});
