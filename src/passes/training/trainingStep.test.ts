import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../../onnx/checkModel';
import type { Model } from '../../onnx/model';
import { buildModel } from '../../onnx/testing/buildModel';
import { writeModel } from '../../onnx/writeModel';
import truth from './fixtures/training-steps.json';
import type { Loss } from './losses';
import { parameterise, parameterLayout, readParameters, writeParameters } from './parameters';
import { buildGradientStep, buildTrainingStep, buildUpdate, nextOf, stateInputs } from './trainingStep';

const { given, settings } = truth;

/** x [4, 3] -> tanh(x w1 + b1) -> [4, 2]; `feature` is the tanh. */
const student = buildModel((b) => {
  b.input('x', [4, 3]);
  const hidden = b.op('Add', [
    b.op('MatMul', ['x', b.weight('layer.w1', [3, 5], given.w1)]),
    b.weight('layer.b1', [5], given.b1),
  ]);
  b.op('Tanh', [hidden], {}, { outputs: ['feature'] });
  b.op('MatMul', ['feature', b.weight('layer.w2', [5, 2], given.w2)], {}, { outputs: ['y'] });
  b.output('y', [4, 2]);
});

const losses: readonly Loss[] = [
  { kind: 'output', name: 'output', weight: 1 },
  { kind: 'icd', name: 'icd', weight: settings.icd, taps: [{ value: 'feature' }], normalised: false },
];
const optimiser = { clip: settings.clip, averaging: settings.averaging };

const tensor = (values: ArrayLike<number>, dims: readonly number[] = [values.length]) =>
  new Tensor('float32', Float32Array.from(values), dims);
const scalar = (value: number) => tensor([value], []);
const numbersOf = (value: Tensor | undefined): number[] => [...(value!.data as Float32Array)];

async function session(model: Model): Promise<InferenceSession> {
  checkModel(model);
  return InferenceSession.create(writeModel(model), { intraOpNumThreads: 1, logSeverityLevel: 4 });
}

const data = {
  x: tensor(given.x, [4, 3]),
  target: tensor(given.target, [4, 2]),
  'teacher:feature': tensor(given.teacher, [4, 5]),
};

function startOf(parameters: Float32Array): Record<string, Tensor> {
  const zeros = () => tensor(new Float32Array(parameters.length));
  return { parameters: tensor(parameters), m: zeros(), v: zeros(), average: tensor(parameters), step: scalar(0) };
}

const nextState = (outputs: InferenceSession.OnnxValueMapType): Record<string, Tensor> =>
  Object.fromEntries(stateInputs.map((part) => [part, outputs[nextOf(part)] as Tensor]));

function expectClose(actual: readonly number[], expected: readonly number[], digits = 6): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, digits));
}

describe('training step', () => {
  it('takes five steps as PyTorch does', async () => {
    const built = buildTrainingStep(student, { losses, optimiser });
    expect(built.layout.parameters.map(({ name }) => name)).toEqual(['layer.w1', 'layer.b1', 'layer.w2']);
    expect(built.lossInputs).toEqual([
      { name: 'target', shape: [4, 2] },
      { name: 'teacher:feature', shape: [4, 5] },
    ]);
    const run = await session(built.model);
    let state = startOf(await readParameters(student, built.layout));
    for (const expected of truth.steps) {
      const outputs = await run.run({ ...data, ...state, learningRate: scalar(settings.rate) });
      expect(numbersOf(outputs[built.lossOutputs.get('output')!])[0]).toBeCloseTo(expected.output, 6);
      expect(numbersOf(outputs[built.lossOutputs.get('icd')!])[0]).toBeCloseTo(expected.icd, 6);
      expect(numbersOf(outputs['loss'])[0]).toBeCloseTo(expected.output + settings.icd * expected.icd, 6);
      expect(numbersOf(outputs['gradientNorm'])[0]).toBeCloseTo(expected.gradientNorm, 5);
      state = nextState(outputs);
    }
    expectClose(numbersOf(state['parameters']), truth.parameters);
    expectClose(numbersOf(state['average']), truth.average);
    expect(numbersOf(state['step'])).toEqual([5]);
  });

  it('gathers the gradient over batches and updates apart, with the same result', async () => {
    const step = buildGradientStep(student, { losses });
    const [gradients, update] = [
      await session(step.model),
      await session(buildUpdate(step.layout.length, optimiser).model),
    ];
    let state = startOf(await readParameters(student, step.layout));
    for (let i = 0; i < truth.steps.length; i++) {
      let gradient: Tensor = tensor(new Float32Array(step.layout.length));
      for (let batch = 0; batch < 2; batch++)
        gradient = (await gradients.run({ ...data, parameters: state['parameters']!, gradient }))[
          nextOf('gradient')
        ] as Tensor;
      state = nextState(
        await update.run({ ...state, gradient, gradientScale: scalar(0.5), learningRate: scalar(settings.rate) }),
      );
    }
    expectClose(numbersOf(state['parameters']), truth.parameters);
    expectClose(numbersOf(state['average']), truth.average);
  });

  it('trains what is chosen alone, and gives nothing to frozen parts', () => {
    const { layout, model } = buildTrainingStep(student, { losses, optimiser, trainable: /w2$/ });
    expect(layout).toEqual({
      parameters: [{ name: 'layer.w2', shape: [5, 2], offset: 0, length: 10, dataType: 'float32' }],
      length: 10,
    });
    const products = (graph: Model) =>
      graph.graph.nodes.filter(({ opType }) => opType === 'MatMul' || opType === 'Gemm').length;
    expect(products(model)).toBe(3); // two forward, one for the gradient of w2
    expect(products(buildTrainingStep(student, { losses, optimiser }).model)).toBe(5);
  });

  it('takes weights of losses as inputs, and adds a given direction', async () => {
    const direction: Loss = {
      kind: 'direction',
      name: 'critic',
      weight: { input: 'criticWeight' },
      direction: 'slope',
    };
    const { model, lossInputs } = buildGradientStep(student, { losses: [direction] });
    expect(lossInputs.map(({ name }) => name)).toEqual(['slope', 'criticWeight']);
    const run = await session(model);
    const parameters = tensor([...given.w1, ...given.b1, ...given.w2]);
    const gradientOf = async (weight: number) => {
      const feeds = {
        x: data.x,
        parameters,
        gradient: tensor(new Float32Array(30)),
        slope: tensor(given.target, [4, 2]),
        criticWeight: scalar(weight),
      };
      return numbersOf((await run.run(feeds))[nextOf('gradient')] as Tensor);
    };
    const [once, twice] = [await gradientOf(1), await gradientOf(2)];
    expect(Math.hypot(...once)).toBeGreaterThan(0.1);
    expectClose(
      twice,
      once.map((value) => 2 * value),
    );
  });

  it.each([
    ['raw', false],
    ['normalised', true],
  ])('hinge and %s distillation have the values of their formulas', async (_, normalised) => {
    const built = buildGradientStep(student, {
      losses: [
        { kind: 'hinge', name: 'hinge', weight: 1, value: 'y', label: 'label' },
        { kind: 'icd', name: 'icd', weight: 1, taps: [{ value: 'feature' }], normalised },
        { kind: 'mean', name: 'mean', weight: 1, value: 'y', sign: -1 },
      ],
    });
    const plain = await session({
      ...student,
      graph: { ...student.graph, outputs: ['y', 'feature'].map((name) => ({ name })) },
    });
    const values = await plain.run({ x: data.x });
    const [y, feature] = [numbersOf(values['y'] as Tensor), numbersOf(values['feature'] as Tensor)];
    const label = y.map((_, i) => (i % 2 === 0 ? 1 : -1));
    const parameters = tensor([...given.w1, ...given.b1, ...given.w2]);
    const outputs = await (await session(built.model)).run({
      x: data.x,
      parameters,
      'teacher:feature': data['teacher:feature'],
      label: tensor(label, [4, 2]),
      gradient: tensor(new Float32Array(30)),
    });
    const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
    const icd = mean(feature.map((value, i) => (value - given.teacher[i]!) ** 2));
    const scale = mean(given.teacher.map((value) => value ** 2));
    expect(numbersOf(outputs['loss:hinge'] as Tensor)[0]).toBeCloseTo(
      mean(y.map((value, i) => Math.max(0, 1 - label[i]! * value))),
      5,
    );
    expect(numbersOf(outputs['loss:icd'] as Tensor)[0]).toBeCloseTo(normalised ? icd / scale : icd, 5);
    expect(numbersOf(outputs['loss:mean'] as Tensor)[0]).toBeCloseTo(-mean(y), 5);
  });

  it('refuses a tap that is not there, and losses that no weight reaches', () => {
    const tapped: Loss = { kind: 'icd', name: 'icd', weight: 1, taps: [{ value: 'nowhere' }], normalised: false };
    expect(() => buildTrainingStep(student, { losses: [tapped] })).toThrow(
      expect.objectContaining({ code: 'passes/unknown-value' }),
    );
    const feature: Loss = { kind: 'mean', name: 'm', weight: 1, value: 'feature', sign: 1 };
    expect(() => buildTrainingStep(student, { losses: [feature], trainable: /w2/ })).toThrow(
      expect.objectContaining({ code: 'passes/nothing-to-train' }),
    );
    expect(() => buildTrainingStep(student, { losses, trainable: /nothing/ })).toThrow(
      expect.objectContaining({ code: 'passes/nothing-to-train' }),
    );
  });
});

describe('parameters', () => {
  it('come out of a model and go back into it, in half precision too', async () => {
    const half = { ...student.graph.initializers.get('layer.w1')!, dataType: 'float16' as const };
    const stored = new Uint8Array(new Uint16Array(15).fill(0x3c00).buffer); // 1.0
    const mixed: Model = {
      ...student,
      graph: {
        ...student.graph,
        initializers: new Map([
          ...student.graph.initializers,
          ['layer.w1', { ...half, data: { kind: 'inline', bytes: stored } }],
        ]),
      },
    };
    const layout = parameterLayout([...mixed.graph.initializers.values()]);
    const flat = await readParameters(mixed, layout);
    expect([...flat.slice(0, 15)]).toEqual(new Array(15).fill(1));
    expectClose([...flat.slice(15, 20)], given.b1);
    const changed = writeParameters(
      mixed,
      layout,
      flat.map((value) => value * 0.5),
    );
    const again = await readParameters(changed, layout);
    expect([...again.slice(0, 15)]).toEqual(new Array(15).fill(0.5));
    expect(changed.graph.initializers.get('layer.w1')!.dataType).toBe('float16');
    expectClose(
      [...again.slice(15)],
      [...flat.slice(15)].map((value) => value / 2),
    );
  });

  it('as an input give what the weights gave', async () => {
    const layout = parameterLayout([...student.graph.initializers.values()]);
    const flat = tensor(await readParameters(student, layout));
    const [plain, sliced] = [await session(student), await session(parameterise(student, layout))];
    const expected = numbersOf((await plain.run({ x: data.x }))['y'] as Tensor);
    expect(numbersOf((await sliced.run({ x: data.x, parameters: flat }))['y'] as Tensor)).toEqual(expected);
  });
});
