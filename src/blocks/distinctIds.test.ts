/** Ids of blocks of graphs whose nodes all bear one name. */
import { expect, it } from 'vitest';
import { buildModel } from '../onnx/testing/buildModel';
import type { Block } from './block';
import { discoverBlocks } from './discoverBlocks';
import { distinctIds } from './distinctIds';

const idsOf = (blocks: readonly Block[]): string[] => blocks.flatMap(({ id, children }) => [id, ...idsOf(children)]);

it('the first keeps its id, later ones get one that nothing has', () => {
  const block = (id: string, ...children: Block[]) => ({ id, children }) as unknown as Block;
  const tree = [block('a', block('a', block('b')), block('a#2')), block('a'), block('b'), block('c')];
  expect(idsOf(distinctIds(tree))).toEqual(['a', 'a#3', 'b', 'a#2', 'a#4', 'b#2', 'c']);
  expect(distinctIds([tree[3]!])[0]).toBe(tree[3]);
});

it('skips of a U under one module name have an id each', () => {
  const model = buildModel((b) => {
    let count = 0;
    const name = () => ({ name: `/proj_in/${count++}` });
    const matMul = (x: string, rows: number) => b.op('MatMul', [x, b.weight(`w${count}`, [rows, 8])], {}, name());
    const residual = (x: string) => b.op('Add', [x, matMul(b.op('Relu', [matMul(x, 8)], {}, name()), 8)], {}, name());
    const first = residual(matMul(b.input('sample', [1, 6, 8]), 8));
    const second = residual(first);
    const middle = residual(second);
    const joined = (x: string, skip: string) => residual(matMul(b.op('Concat', [x, skip], { axis: 2 }, name()), 16));
    const last = joined(joined(middle, second), first);
    b.op('MatMul', [last, b.weight('out', [8, 8])], {}, { name: '/proj_in/out', outputs: ['out_sample'] });
    b.output('out_sample', [1, 6, 8]);
  });
  const ids = idsOf(discoverBlocks(model, { bindings: new Map() }).blocks);
  expect(ids.length).toBeGreaterThan(6);
  expect(new Set(ids).size).toBe(ids.length);
});
