/**
 * The same training step on WebGPU (Chromium's software adapter, where there is one) and on the CPU: losses, gradients and
 * weights after several steps. In `npm run test:full`.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { softwareVulkan } from '../../onnx/testing/softwareVulkan';
import { writeModel } from '../../onnx/writeModel';
import { full } from '../testing/exportSamples';
import { readParameters } from './parameters';
import { smallDenoiser } from './testing/smallDenoiser';
import { buildTrainingStep, nextOf, stateInputs } from './trainingStep';

it.skipIf(!full || !softwareVulkan)(
  'a step on WebGPU is a step on the CPU',
  async () => {
    process.env['VK_ICD_FILENAMES'] ??= softwareVulkan;
    const [onCpu, onGpu] = [await train('cpu'), await train('webgpu')];
    expect(onCpu.losses.at(-1)).toBeLessThan(0.3 * onCpu.losses[0]!);
    onCpu.losses.forEach((loss, i) => expect(onGpu.losses[i]! / loss).toBeCloseTo(1, 4));
    onCpu.parameters.forEach((value, i) => expect(onGpu.parameters[i]).toBeCloseTo(value, 4));
  },
  120_000,
);

async function train(provider: 'cpu' | 'webgpu'): Promise<{ losses: readonly number[]; parameters: Float32Array }> {
  const student = smallDenoiser();
  const { model, layout } = buildTrainingStep(student, {
    losses: [{ kind: 'output', name: 'output', weight: 1 }],
    trainable: /\.(weight|bias)$/,
  });
  const session = await InferenceSession.create(writeModel(model), {
    executionProviders: [provider],
    logSeverityLevel: 4,
  });
  const flat = await readParameters(student, layout);
  const tensor = (dims: readonly number[], values: (i: number) => number) =>
    new Tensor(
      'float32',
      Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => values(i)),
      dims,
    );
  const data = {
    x: tensor([2, 4, 3, 8, 8], (i) => Math.sin(i * 12.9898)),
    target: tensor([128, 3, 4], (i) => Math.cos(i * 7.1)),
    learningRate: tensor([], () => 0.01),
  };
  const zeros = () => tensor([layout.length], () => 0);
  const weights = () => new Tensor('float32', flat.slice(), [layout.length]);
  let state: Record<string, Tensor> = {
    parameters: weights(),
    average: weights(),
    m: zeros(),
    v: zeros(),
    step: tensor([], () => 0),
  };
  const losses: number[] = [];
  for (let i = 0; i < 4; i++) {
    const outputs = await session.run({ ...data, ...state });
    losses.push((outputs['loss']!.data as Float32Array)[0]!);
    state = Object.fromEntries(stateInputs.map((part) => [part, outputs[nextOf(part)]!]));
  }
  await session.release();
  return { losses, parameters: state['parameters']!.data as Float32Array };
}
