/** The critic's graphs against PyTorch's autograd and AdamW on the critic of training/heal (training/reference/critic_steps.py). */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../../onnx/checkModel';
import type { Model } from '../../onnx/model';
import { buildModel } from '../../onnx/testing/buildModel';
import { writeModel } from '../../onnx/writeModel';
import { buildCritic, buildCriticGradient, buildCriticStep } from './critic';
import truth from './fixtures/critic-steps.json';
import { readParameters } from './parameters';
import { nextOf, stateInputs } from './trainingStep';

const [CLIPS, FRAMES, SIZE, RATE] = [2, 3, 4, 1e-2];
const sines = (length: number, phase: number, scale: number): number[] =>
  Array.from({ length }, (_, i) => Math.sin(i * 0.731 + phase) * scale);

/** sample [clips, 4, 3, 4, 4] -> two convolutions over frames, `first` and `second`. */
const backbone = buildModel((b) => {
  b.input('sample', ['batch', 4, FRAMES, SIZE, SIZE]);
  const frames = b.op('Reshape', [
    b.op('Transpose', ['sample'], { perm: [0, 2, 1, 3, 4] }),
    b.ints('frames', [-1, 4, SIZE, SIZE]),
  ]);
  const conv = (x: string, name: string, dims: number[], phase: number, scale: number, strides: number[]) =>
    b.op(
      'Conv',
      [
        x,
        b.weight(
          name,
          dims,
          sines(
            dims.reduce((a, c) => a * c),
            phase,
            scale,
          ),
        ),
      ],
      {
        pads: [1, 1, 1, 1],
        strides,
      },
    );
  b.op('Tanh', [conv(frames, 'a.weight', [8, 4, 3, 3], 0.1, 0.3, [1, 1])], {}, { outputs: ['first'] });
  b.op('Tanh', [conv('first', 'b.weight', [16, 8, 3, 3], 0.2, 0.2, [2, 2])], {}, { outputs: ['second'] });
  b.op('ReduceMean', ['second'], { keepdims: 0 }, { outputs: ['behind'] });
  b.output('behind', []);
});

/** As the reference: the module of a head is called `space.0.layers.0.weight`. */
const initial = (name: string, length: number, fanIn: number): Float32Array => {
  const own = name.replace('critic.', '');
  const isNorm = own.includes('.layers.1.');
  const one = isNorm && own.endsWith('weight') ? 1 : 0;
  return Float32Array.from(sines(length, own.length, isNorm ? 1 : fanIn ** -0.5), (value) => one + value);
};

const critic = (clips: number): Model =>
  buildCritic(
    backbone,
    ['first', 'second', 'behind'],
    { clips, frames: FRAMES, height: SIZE, width: SIZE },
    new Map([['batch', clips]]),
    initial,
  );

async function session(model: Model): Promise<InferenceSession> {
  checkModel(model);
  return InferenceSession.create(writeModel(model), { intraOpNumThreads: 1, logSeverityLevel: 4 });
}

const tensor = (values: ArrayLike<number>, dims: readonly number[] = [values.length]) =>
  new Tensor('float32', Float32Array.from(values), dims);
const numbersOf = (value: Tensor | undefined): number[] => [...(value!.data as Float32Array)];
const clipsOf = (clips: number): Tensor =>
  tensor(sines(clips * 4 * FRAMES * SIZE * SIZE, 0.5, 1), [clips, 4, FRAMES, SIZE, SIZE]);

describe('critic', () => {
  it('judges, learns and gives its gradient as PyTorch does', async () => {
    const model = critic(3 * CLIPS);
    const built = buildCriticStep(model, { epsilon: 1e-2 });
    const learn = await session(built.model);
    const zeros = () => tensor(new Float32Array(built.layout.length));
    const flat = await readParameters(model, built.layout);
    let state: Record<string, Tensor> = {
      parameters: tensor(flat),
      m: zeros(),
      v: zeros(),
      average: tensor(flat),
      step: tensor([0], []),
    };
    const gradient = await session(buildCriticGradient(critic(CLIPS), built.layout, 'sample'));
    for (const [index, expected] of truth.steps.entries()) {
      if (index === 0) {
        const { judged } = await gradient.run({ sample: clipsOf(CLIPS), parameters: state['parameters']! });
        numbersOf(judged).forEach((value, i) => expect(value).toBeCloseTo(expected.judged[i]!, 5));
      }
      const outputs = await learn.run({ sample: clipsOf(3 * CLIPS), ...state, learningRate: tensor([RATE], []) });
      expect(numbersOf(outputs['loss:hinge'])[0]).toBeCloseTo(expected.hinge, 5);
      expect(numbersOf(outputs['loss:nudge'])[0]).toBeCloseTo(expected.nudge, 5);
      expect(numbersOf(outputs['gradientNorm'])[0]! / expected.gradientNorm).toBeCloseTo(1, 3);
      state = Object.fromEntries(stateInputs.map((part) => [part, outputs[nextOf(part)] as Tensor]));
    }
    const after = numbersOf(state['parameters']);
    for (const { name, offset, length } of built.layout.parameters) {
      const own = after.slice(offset, offset + length);
      const [sum, squares] = (truth.sums as Record<string, number[]>)[name.replace('critic.', '')]!;
      expect(own.reduce((total, value) => total + value, 0)).toBeCloseTo(sum!, 1);
      expect(own.reduce((total, value) => total + value * value, 0) / squares!).toBeCloseTo(1, 3);
    }
    const found = await gradient.run({ sample: clipsOf(CLIPS), parameters: state['parameters']! });
    const largest = Math.max(...truth.gradient.map(Math.abs));
    numbersOf(found['gradient']).forEach((value, i) =>
      expect(Math.abs(value - truth.gradient[i]!) / largest).toBeLessThan(2e-3),
    );
  });

  it('leaves the backbone as it is', () => {
    const { layout } = buildCriticStep(critic(3 * CLIPS));
    expect(layout.parameters.every(({ name }) => name.startsWith('critic.'))).toBe(true);
    expect(layout.parameters).toHaveLength(4 * 8);
  });

  it('is refused where nothing is a video', () => {
    const bindings = new Map([['batch', 2]]);
    const grid = { clips: 2, frames: FRAMES, height: SIZE, width: SIZE };
    expect(() => buildCritic(backbone, ['behind'], grid, bindings, initial)).toThrow(/features by frame/);
  });
});
