import { expect, it } from 'vitest';
import { buildModel } from '../onnx/testing/buildModel';
import { weightsOf } from './countTotals';
import { exporterConstants } from './exporterConstants';

const { graph } = buildModel((b) => {
  const ones = b.weight('val_1', [4], [1, 1, 1, 1]);
  const zeros = b.weight('val_2', [4], [0, 0, 0, 0]);
  const time = b.op('Mul', [b.input('timestep', [1, 1]), b.weight('val_3', [1, 8])]);
  const embedded = b.op('MatMul', [b.op('Sin', [time]), b.weight('val_4', [8, 16])]);
  const scaled = b.op('Mul', [embedded, b.weight('val_5', [16])]);
  const normed = b.op('InstanceNormalization', [b.input('x', [1, 4, 16]), ones, zeros]);
  const learned = b.op('InstanceNormalization', [
    normed,
    b.weight('val_6', [4], [1, 1, 2, 1]),
    b.weight('norm.bias', [4], [0, 0, 0, 0]),
  ]);
  b.output(b.op('Add', [b.op('Mul', [learned, b.weight('blocks.0.scale', [4, 1], [1, 1, 1, 1])]), scaled]));
});

it('frequencies of the time step and a norm without factors are no parameters; what a product or a module has is', () => {
  expect(exporterConstants(graph)).toEqual(new Set(['val_1', 'val_2', 'val_3']));
  const counted = [...weightsOf(graph)].flatMap(([name, { parameters }]) => (parameters > 0 ? [name] : []));
  expect(counted).toEqual(['val_4', 'val_5', 'val_6', 'norm.bias', 'blocks.0.scale']);
});
