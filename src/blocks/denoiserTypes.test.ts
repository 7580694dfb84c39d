/** Types behind operators that no rule knows: found where a sum keeps its shape, and always in bounded time. */
import { expect, it } from 'vitest';
import { buildModel, type GraphBuilder } from '../onnx/testing/buildModel';
import { denoiserTypes } from './denoiserTypes';
import { discoverBlocks } from './discoverBlocks';

const warp = (b: GraphBuilder, x: string): string => b.op('WarpField', [x], {}, { domain: 'com.example' });

const model = (blocks: number) =>
  buildModel((b) => {
    let x = b.op('Conv', [b.input('sample', [1, 4, 4, 8, 8]), b.weight('k', [4, 4, 1, 1, 1])]);
    for (let i = 0; i < blocks; i++)
      x = b.op('Add', [x, warp(b, x)], {}, { outputs: [i === blocks - 1 ? 'out_sample' : `x${i}`] });
    b.output('out_sample', undefined);
  });

it('a sum with what an unknown operator gives keeps its shape, also as an output that declares none', () => {
  expect(denoiserTypes(model(1), new Map()).get('out_sample')).toEqual({ dataType: 'float32', shape: [1, 4, 4, 8, 8] });
  expect(discoverBlocks(model(1), { bindings: new Map() }).blocks.filter(({ droppable }) => droppable)).toEqual([]);
});

it('ends with shapes unknown behind more of them than it gets past', () => {
  const types = denoiserTypes(model(20), new Map());
  expect(types.get('x0')?.shape).toEqual([1, 4, 4, 8, 8]);
  expect(types.get('out_sample')?.shape ?? null).toBeNull();
});
