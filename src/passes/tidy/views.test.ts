/** Random chains of Reshape and Transpose, shortened, against the runtime on the chain as it was. */
import fc from 'fast-check';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../../onnx/checkModel';
import type { Model } from '../../onnx/model';
import { buildModel } from '../../onnx/testing/buildModel';
import { loadModel, runOnce } from '../testing/runModel';
import { tidy } from './tidy';

const viewsAlone = new Set(['constants', 'convolutions'] as const);
const sizes = { bindings: new Map([['batch', 2]]), free: new Set(['batch']), batch: 2 };
const count = ({ graph }: Model, opType: string) => graph.nodes.filter((node) => node.opType === opType).length;

/** Shapes of 2 x 3 x 4 x 6 numbers a clip; the batch comes first, or is folded into what follows. */
const shapes = [
  [-1, 2, 3, 4, 6],
  [-1, 6, 24],
  [-1, 144],
  [-1, 4, 6, 6],
  [-1, 12, 1, 12],
  [-1, 1, 2, 72],
];
const step = fc.oneof(
  fc.constantFrom(...shapes).map((shape) => ({ shape })),
  fc.integer({ min: 0, max: 1000 }).map((seed) => ({ seed })),
);

/** Keeps the first axis first now and then, so that the batch is found in several places. */
function permutation(rank: number, seed: number): number[] {
  let state = seed;
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  for (let i = rank - 1; i > (seed % 3 === 0 ? 0 : 1); i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = (seed % 3 === 0 ? 0 : 1) + (state % (i + (seed % 3 === 0 ? 1 : 0)));
    [axes[i], axes[j]] = [axes[j]!, axes[i]!];
  }
  return axes;
}

function chain(steps: readonly ({ shape: readonly number[] } | { seed: number })[]): Model {
  return buildModel((b) => {
    let value = b.input('x', ['batch', 2, 3, 4, 6]);
    let rank = 5;
    for (const given of steps) {
      if ('shape' in given) {
        value = b.op('Reshape', [value, b.ints(`${value}:shape`, given.shape)]);
        rank = given.shape.length;
      } else value = b.op('Transpose', [value], { perm: permutation(rank, given.seed) });
    }
    b.op('Relu', [value], {}, { outputs: ['y'] });
    b.output('y', null);
  });
}

const feeds = (clips: number) => ({
  x: new Tensor(
    'float32',
    Float32Array.from({ length: 144 * clips }, (_, i) => i),
    [clips, 2, 3, 4, 6],
  ),
});

describe('chains of views', () => {
  it('do the same for every batch, with no more nodes and at most as many Transposes', () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const before = chain(steps);
        const after = tidy(before, sizes, { without: viewsAlone });
        checkModel(after);
        expect(count(after, 'Transpose')).toBeLessThanOrEqual(count(before, 'Transpose'));
        expect(after.graph.nodes.length).toBeLessThanOrEqual(before.graph.nodes.length + 2);
        const [one, other] = [await loadModel(before), await loadModel(after)];
        for (const clips of [1, 3]) expect(await other.run(feeds(clips))).toEqual(await one.run(feeds(clips)));
        await Promise.all([one.release(), other.release()]);
      }),
      { numRuns: 150 },
    ));

  it('lose Transposes that undo each other, through a Reshape between', () => {
    const { graph } = tidy(
      buildModel((b) => {
        const turned = b.op('Transpose', [b.input('x', ['batch', 8, 6])], { perm: [0, 2, 1] });
        const heads = b.op('Reshape', [turned, b.ints('heads', [-1, 3, 2, 8])]);
        b.op('Relu', [b.op('Transpose', [heads], { perm: [0, 3, 1, 2] })], {}, { outputs: ['y'] });
        b.output('y', ['batch', 8, 3, 2]);
      }),
      sizes,
    );
    expect(graph.nodes.map(({ opType }) => opType)).toEqual(['Reshape', 'Relu']);
  });

  it('make a Transpose of sizes of 1 a Reshape', () => {
    const { graph } = tidy(
      buildModel((b) => {
        b.op(
          'Relu',
          [b.op('Transpose', [b.input('x', ['batch', 8, 5, 1, 1])], { perm: [0, 3, 1, 4, 2] })],
          {},
          { outputs: ['y'] },
        );
        b.output('y', null);
      }),
      sizes,
    );
    expect(graph.nodes.map(({ opType }) => opType)).toEqual(['Reshape', 'Relu']);
  });

  it('end at what is kept, and at what else is read', async () => {
    const model = buildModel((b) => {
      b.op('Transpose', [b.input('x', ['batch', 2, 3, 4, 6])], { perm: [0, 2, 1, 3, 4] }, { outputs: ['kept'] });
      b.op('Transpose', ['kept'], { perm: [0, 2, 1, 3, 4] }, { outputs: ['back'] });
      b.op('Add', ['back', 'x'], {}, { outputs: ['y'] });
      b.output('y', null);
    });
    expect(count(tidy(model, sizes, { kept: ['kept'] }), 'Transpose')).toBe(2);
    const free = tidy(model, sizes);
    expect(count(free, 'Transpose')).toBe(0);
    expect(await runOnce(free, feeds(2))).toEqual(await runOnce(model, feeds(2)));
  });
});
