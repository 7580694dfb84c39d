/** What discovery refuses, and how it says so. What it finds is tested against PyTorch in `passes/exports.test.ts`. */
import { describe, expect, it } from 'vitest';
import { StudioError } from '../errors/StudioError';
import type { Model } from '../onnx/model';
import type { GraphBuilder } from '../onnx/testing/buildModel';
import { buildModel } from '../onnx/testing/buildModel';
import type { Block } from './block';
import { discoverBlocks } from './discoverBlocks';

const discover = (model: Model) => discoverBlocks(model, { bindings: new Map() });

/** Three residual blocks, the middle one of which runs through `middle`. */
function threeBlocks(middle: (b: GraphBuilder, x: string) => string): Model {
  return buildModel(
    (b) => {
      let x = b.input('sample', [1, 4, 8]);
      for (const at of [0, 1, 2]) {
        const name = (op: string) => ({ name: `/blocks.${at}/${op}` });
        const product = b.op('MatMul', [x, b.weight(`blocks.${at}.weight`, [8, 8])], {}, name('MatMul'));
        x = b.op('Add', [x, at === 1 ? middle(b, product) : product], {}, name('Add'));
      }
      b.output(x, [1, 4, 8]);
    },
    {
      opsets: new Map([
        ['', 17],
        ['acme', 1],
      ]),
    },
  );
}

const summary = (blocks: readonly Block[]) =>
  blocks.map(({ id, droppable }) => `${id} ${droppable ? 'can go' : 'stays'}`);

describe('an operator that nobody knows', () => {
  const magic = (b: GraphBuilder, x: string) => b.op('Magic', [x], {}, { name: '/blocks.1/Magic', domain: 'acme' });

  it('is named as the reason why its block stays; the rest can go', () => {
    const { blocks, notes } = discover(threeBlocks(magic));
    expect(summary(blocks)).toEqual(['blocks.0 can go', 'blocks.1 stays', 'blocks.2 can go']);
    expect(blocks[1]!.reason).toBe(
      'Its shapes cannot be verified because of the operator acme:Magic, so nothing is known to fit in its place.',
    );
    expect(notes.join(' ')).toContain('acme:Magic');
  });

  it('is no obstacle where the file declares the shape of its result', () => {
    const { blocks } = discover(
      threeBlocks((b, x) => {
        const result = magic(b, x);
        b.valueInfo(result, [1, 4, 8]);
        return result;
      }),
    );
    expect(summary(blocks)).toEqual(['blocks.0 can go', 'blocks.1 can go', 'blocks.2 can go']);
  });
});

describe('layouts for one processor', () => {
  it('are named where a convolution hides an addition; the rest can go', () => {
    const model = buildModel(
      (b) => {
        const kernel = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
        const weight = (at: number) => b.weight(`blocks.${at}.weight`, [8, 8, 3, 3]);
        const sample = b.input('sample', [1, 8, 4, 4]);
        const first = b.op(
          'Add',
          [sample, b.op('Conv', [sample, weight(0)], kernel, { name: '/blocks.0/Conv' })],
          {},
          { name: '/blocks.0/Add' },
        );
        const layout = { domain: 'com.microsoft.nchwc' };
        const inner = b.op('ReorderInput', [first], {}, { ...layout, name: '/blocks.1/ReorderInput' });
        const fused = b.op('Conv', [inner, weight(1), '', inner], kernel, { ...layout, name: '/blocks.1/Conv' });
        const second = b.op('ReorderOutput', [fused], { channels: 8 }, { ...layout, name: '/blocks.1/ReorderOutput' });
        b.output(
          b.op(
            'Add',
            [second, b.op('Conv', [second, weight(2)], kernel, { name: '/blocks.2/Conv' })],
            {},
            { name: '/blocks.2/Add' },
          ),
        );
      },
      {
        opsets: new Map([
          ['', 17],
          ['com.microsoft.nchwc', 1],
        ]),
      },
    );
    const { blocks, notes } = discover(model);
    expect(summary(blocks)).toEqual(['blocks.0 can go', 'blocks.1 stays', 'blocks.2 can go']);
    expect(blocks[1]!.reason).toContain('com.microsoft.nchwc:Conv');
    expect(notes.join(' ')).toContain('basic or extended');
  });
});

describe('channels last', () => {
  it('is named where the sum of an up block exists in that layout only; the rest can go', () => {
    const model = buildModel(
      (b) => {
        const kernel = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
        const layout = { domain: 'com.microsoft' };
        const block = (at: number, x: string) =>
          b.op(
            'Add',
            [
              x,
              b.op('Conv', [x, b.weight(`blocks.${at}.weight`, [8, 8, 3, 3])], kernel, { name: `/blocks.${at}/Conv` }),
            ],
            {},
            { name: `/blocks.${at}/Add` },
          );
        const first = block(0, b.input('sample', [1, 8, 4, 6]));
        const joined = b.op('Transpose', [b.op('Concat', [block(1, first), first], { axis: 1 })], {
          perm: [0, 2, 3, 1],
        });
        const [inner, shortcut] = ['conv', 'shortcut'].map((name) =>
          b.op('NhwcConv', [joined, b.weight(`blocks.2.${name}.weight`, [8, 3, 3, 16])], kernel, {
            ...layout,
            name: `/blocks.2/${name}/NhwcConv`,
          }),
        );
        const sum = b.op('Add', [inner!, shortcut!], {}, { name: '/blocks.2/Add' });
        b.output(block(3, b.op('Transpose', [sum], { perm: [0, 3, 1, 2] })));
      },
      {
        opsets: new Map([
          ['', 17],
          ['com.microsoft', 1],
        ]),
      },
    );
    const { blocks } = discover(model);
    expect(summary(blocks)).toEqual(['blocks.0 can go', 'blocks.1 can go', 'blocks.2 stays', 'blocks.3 can go']);
    expect(blocks[2]!.reason).toContain('com.microsoft:NhwcConv');
  });
});

describe('what is no denoiser', () => {
  it('has a note when nothing in it can be dropped', () => {
    const model = buildModel((b) =>
      b.output(b.op('MatMul', [b.input('sample', [1, 4, 8]), b.weight('proj.weight', [8, 8])]), [1, 4, 8]),
    );
    expect(discover(model).notes).toContain(
      'No residual connection that fits was found: nothing of this model can be dropped.',
    );
  });

  it('is refused when no input can be the latent', () => {
    const model = buildModel((b) => b.output(b.op('Relu', [b.input('tokens', [77])]), [77]));
    expect(() => discover(model)).toThrow(expect.objectContaining({ code: 'blocks/no-latent-input' }) as StudioError);
  });

  it('is refused when the latent that was asked for is no input', () => {
    const model = threeBlocks((_, x) => x);
    expect(() => discoverBlocks(model, { bindings: new Map(), latentInput: 'noise' })).toThrow(StudioError);
  });
});

describe('attention scores and activations', () => {
  it('are no residual connections', () => {
    const model = buildModel((b) => {
      const x = b.input('sample', [1, 4, 8]);
      const text = b.input('encoder_hidden_states', [1, 4, 4]);
      const q = b.op('MatMul', [x, b.weight('q.weight', [8, 4])]);
      const scores = b.op('Add', [b.op('MatMul', [q, b.weight('k.weight', [4, 4])]), text]);
      const spread = b.op('Softmax', [scores], { axis: -1 });
      const cube = b.op('Mul', [b.op('Mul', [spread, spread]), spread]);
      b.output(b.op('Tanh', [b.op('Add', [spread, cube])]), [1, 4, 4]); // GELU by its tanh formula
    });
    expect(discover(model).blocks.every(({ droppable }) => !droppable)).toBe(true);
  });
});
