/** Low-rank training: what was learnt and merged does what the graph with its factors did. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { Model } from '../../onnx/model';
import { buildModel } from '../../onnx/testing/buildModel';
import { writeModel } from '../../onnx/writeModel';
import { withWeights } from '../withWeights';
import { attentionProjections, isLowRankFactor, mergeLowRank, withLowRank } from './lowRank';
import { parameterise, readParameters } from './parameters';
import { buildTrainingStep, nextOf, stateInputs } from './trainingStep';

/** x [6, 5] -> (x to_q)(x to_k)^T x, and a layer that is no projection. */
const model = buildModel((b) => {
  b.input('x', [6, 5]);
  const q = b.op('MatMul', ['x', b.weight('blocks.0.attn.to_q.weight', [5, 4])]);
  const k = b.op('MatMul', ['x', b.weight('blocks.0.attn.to_k.weight', [5, 4])]);
  const scores = b.op('Softmax', [b.op('MatMul', [q, b.op('Transpose', [k], { perm: [1, 0] })])], { axis: -1 });
  b.op('MatMul', [b.op('MatMul', [scores, 'x']), b.weight('blocks.0.ff.weight', [5, 3])], {}, { outputs: ['y'] });
  b.output('y', [6, 3]);
});

const tensor = (values: ArrayLike<number>, dims: readonly number[] = [values.length]) =>
  new Tensor('float32', Float32Array.from(values), dims);
const session = (of: Model) => InferenceSession.create(writeModel(of), { intraOpNumThreads: 1, logSeverityLevel: 4 });
const x = tensor(
  Array.from({ length: 30 }, (_, i) => Math.sin(i * i)),
  [6, 5],
);
const outputOf = async (of: Model, feeds: Record<string, Tensor> = {}) => [
  ...((await (await session(of)).run({ x, ...feeds }))['y']!.data as Float32Array),
];
const normals = (index: number, length: number) => Float32Array.from({ length }, (_, i) => Math.cos(index + i));

describe('low-rank training', () => {
  const matrices = attentionProjections(model);
  const narrow = withLowRank(model, matrices, 2, normals);

  it('takes projections of attention alone, and begins where the model is', async () => {
    expect(matrices.map(({ name }) => name)).toEqual(['blocks.0.attn.to_q.weight', 'blocks.0.attn.to_k.weight']);
    const [before, after] = [await outputOf(model), await outputOf(narrow)];
    after.forEach((value, i) => expect(value).toBeCloseTo(before[i]!, 6));
  });

  it('learns, and merged weights do what the factors did', async () => {
    const built = buildTrainingStep(narrow, {
      losses: [{ kind: 'output', name: 'output', weight: 1 }],
      trainable: ({ name }) => isLowRankFactor(name),
      optimiser: { weightDecay: 0 },
    });
    expect(built.layout.length).toBe(2 * (5 * 2 + 2 * 4));
    const step = await session(built.model);
    const flat = await readParameters(narrow, built.layout);
    const zeros = () => tensor(new Float32Array(flat.length));
    const given = { x, target: tensor(new Array(18).fill(0.3), [6, 3]), learningRate: tensor([0.05], []) };
    let state: Record<string, Tensor> = {
      parameters: tensor(flat),
      m: zeros(),
      v: zeros(),
      average: tensor(flat),
      step: tensor([0], []),
    };
    const losses: number[] = [];
    for (let i = 0; i < 20; i++) {
      const outputs = await step.run({ ...given, ...state });
      losses.push((outputs['loss:output']!.data as Float32Array)[0]!);
      state = Object.fromEntries(stateInputs.map((part) => [part, outputs[nextOf(part)] as Tensor]));
    }
    expect(losses.at(-1)!).toBeLessThan(0.99 * losses[0]!);
    const learnt = state['parameters']!.data as Float32Array;
    const tensors = await mergeLowRank(model, matrices, built.layout, learnt, new Map());
    const merged = await outputOf(withWeights(model, tensors));
    const factored = await outputOf(parameterise(narrow, built.layout), { parameters: tensor(learnt) });
    merged.forEach((value, i) => expect(value).toBeCloseTo(factored[i]!, 5));
    expect(Math.max(...merged.map((value, i) => Math.abs(value - factored[i]!)))).toBeLessThan(1e-5);
    const before = await outputOf(model);
    expect(Math.max(...merged.map((value, i) => Math.abs(value - before[i]!)))).toBeGreaterThan(1e-3);
  });

  it('is refused where names tell no projections', () => {
    const plain = buildModel((b) => {
      b.input('x', [2, 3]);
      b.op('MatMul', ['x', b.weight('layer.weight', [3, 3])], {}, { outputs: ['y'] });
      b.output('y', [2, 3]);
    });
    expect(() => attentionProjections(plain)).toThrow(/to_q/);
  });
});
