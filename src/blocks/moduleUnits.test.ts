/** Units under the names of modules, in small graphs planted as exporters write them; against PyTorch: `passes/furtherExports.test.ts`. */
import { describe, expect, it } from 'vitest';
import type { Model } from '../onnx/model';
import { buildModel } from '../onnx/testing/buildModel';
import { discoverBlocks } from './discoverBlocks';
import { allBlocks } from './plan';

interface Network {
  readonly sample: string;
  readonly timestep: string;
  /** A product with weights, as a call of `module`. */
  linear(x: string, module: string): string;
  op(opType: string, inputs: readonly string[], module: string): string;
  /** Adds numbers that depend on no input. */
  shifted(x: string, module: string): string;
}

const network = (build: (n: Network) => string): Model =>
  buildModel((b) => {
    let count = 0;
    const op = (opType: string, inputs: readonly string[], module: string) =>
      b.op(opType, inputs, {}, { name: `/${module.replaceAll('|', '/')}/${opType}_${count++}` });
    const linear = (x: string, module: string) =>
      op('MatMul', [x, b.weight(`${module.replaceAll('|', '.')}.weight`, [8, 8])], module);
    const shifted = (x: string, module: string) => op('Add', [x, b.weight('table', [1, 4, 8])], module);
    const [sample, timestep] = [b.input('sample', [1, 4, 8]), b.input('timestep', [1, 8])];
    b.output(linear(build({ sample, timestep, linear, op, shifted }), 'proj_out'), [1, 4, 8]);
  });

const offered = (model: Model): readonly string[] =>
  allBlocks(discoverBlocks(model, { bindings: new Map() })).flatMap(({ id, droppable }) => (droppable ? [id] : []));

describe('modules that can go', () => {
  it('may begin with a capital, as operators do', () => {
    const model = network(({ sample, linear, op, shifted }) => {
      let x = linear(sample, 'proj_in');
      for (const at of [0, 1]) {
        const module = `block.${at}|SelfAttention`;
        const inner = op('Sigmoid', [shifted(linear(x, `${module}|q`), module)], module);
        x = op('Add', [x, linear(inner, `${module}|o`)], `block.${at}`);
      }
      return x;
    });
    expect(offered(model)).toEqual(['block.0', 'block.0.SelfAttention', 'block.1', 'block.1.SelfAttention']);
  });

  it('may compute a condition that others use as well', () => {
    const model = network(({ sample, timestep, linear, op }) => {
      const condition = linear(op('Sigmoid', [timestep], 'blocks.0|emb'), 'blocks.0|emb|fc');
      let x = linear(sample, 'proj_in');
      for (const at of [0, 1]) {
        const inner = linear(op('Mul', [x, condition], `blocks.${at}`), `blocks.${at}|fc1`);
        x = op('Add', [x, linear(op('Relu', [inner], `blocks.${at}`), `blocks.${at}|fc2`)], `blocks.${at}`);
      }
      return op('Mul', [x, condition], 'norm_out');
    });
    expect(offered(model)).toEqual(expect.arrayContaining(['blocks.0', 'blocks.1']));
  });

  it('may be the last of several that a branch runs through, if they are more than one product', () => {
    const model = network(({ sample, linear, op }) => {
      let x = linear(sample, 'proj_in');
      for (const at of [0, 1]) {
        const block = `blocks.${at}`;
        const attended = op('Add', [x, linear(linear(x, `${block}|attn|v`), `${block}|attn|out`)], block);
        const inner = op('Relu', [linear(op('Tanh', [attended], block), `${block}|ff|fc1`)], `${block}|ff`);
        x = op('Add', [x, linear(inner, `${block}|ff|fc2`)], block);
      }
      return x;
    });
    expect(offered(model)).toEqual(expect.arrayContaining(['blocks.0', 'blocks.0.attn', 'blocks.0.ff', 'blocks.1.ff']));
    expect(offered(model).some((id) => id.endsWith('fc2'))).toBe(false);
  });
});

describe('a module that ends what another began', () => {
  it('goes under the name of the module that holds both, not under its own', () => {
    const model = network(({ sample, linear, op }) => {
      let x = linear(sample, 'proj_in');
      for (const at of [0, 1]) {
        const layer = `layer.${at}`;
        const inner = op('Tanh', [linear(x, `${layer}|self|value`)], `${layer}|self`);
        x = op(
          'Sigmoid',
          [op('Add', [linear(inner, `${layer}|output|dense`), x], `${layer}|output`)],
          `${layer}|output`,
        );
      }
      return x;
    });
    expect(offered(model)).toEqual(['layer.0', 'layer.1']);
  });
});
