/** Multiplications counted by hand: caches of attention, deformable convolutions, recurrent layers. */
import { describe, expect, it } from 'vitest';
import { type AttributeInput, buildModel } from '../testing/buildModel';
import { countMacs } from './countMacs';
import { inferShapes } from './inferShapes';

interface Case {
  readonly opType: string;
  readonly inputs: readonly (readonly number[] | undefined)[];
  readonly attributes?: Readonly<Record<string, AttributeInput>>;
  readonly domain?: string;
  readonly outputs?: readonly string[];
}

function macsOf({ opType, inputs, attributes = {}, domain = '', outputs = ['y'] }: Case): number {
  const model = buildModel(
    (b) => {
      const names = inputs.map((dims, i) => (dims ? b.input(`in${i}`, dims) : ''));
      for (const name of b.ops(opType, names, attributes, { outputs, domain })) if (name !== '') b.output(name);
    },
    {
      opsets: new Map([
        ['', 24],
        ['com.microsoft', 1],
      ]),
    },
  );
  return countMacs(model.graph.nodes[0]!, inferShapes(model));
}

/** 2 clips, 4 heads of 8, 5 queries; scores and sum over so many keys. */
const attention = (keys: number): number => 2 * 2 * 4 * 5 * 8 * keys;

const microsoft = 'com.microsoft';

describe('attention', () => {
  it.each<[string, Case, number]>([
    [
      'without a cache',
      {
        opType: 'Attention',
        inputs: [
          [2, 4, 5, 8],
          [2, 4, 7, 8],
          [2, 4, 7, 8],
        ],
      },
      attention(7),
    ],
    [
      'with a cache of 3',
      {
        opType: 'Attention',
        inputs: [[2, 4, 5, 8], [2, 4, 7, 8], [2, 4, 7, 8], undefined, [2, 4, 3, 8], [2, 4, 3, 8]],
      },
      attention(10),
    ],
    [
      'flat, with a cache of 3',
      {
        opType: 'Attention',
        inputs: [[2, 5, 32], [2, 7, 32], [2, 7, 32], undefined, [2, 4, 3, 8], [2, 4, 3, 8]],
        attributes: { q_num_heads: 4, kv_num_heads: 4 },
      },
      attention(10),
    ],
    [
      'with fewer heads of keys',
      {
        opType: 'Attention',
        inputs: [[2, 4, 5, 8], [2, 2, 7, 8], [2, 2, 7, 8], undefined, [2, 2, 3, 8], [2, 2, 3, 8]],
      },
      attention(10),
    ],
    [
      'of the runtime',
      {
        opType: 'MultiHeadAttention',
        domain: microsoft,
        attributes: { num_heads: 4 },
        inputs: [[2, 5, 32], [2, 7, 32], [2, 7, 32], undefined, undefined, undefined, [2, 4, 3, 8], [2, 4, 3, 8]],
      },
      attention(10),
    ],
    [
      'in groups',
      {
        opType: 'GroupQueryAttention',
        domain: microsoft,
        attributes: { num_heads: 4, kv_num_heads: 2 },
        inputs: [
          [2, 5, 32],
          [2, 5, 16],
          [2, 5, 16],
          [2, 2, 3, 8],
          [2, 2, 3, 8],
        ],
      },
      attention(8),
    ],
    [
      'in groups, packed',
      {
        opType: 'GroupQueryAttention',
        domain: microsoft,
        attributes: { num_heads: 4, kv_num_heads: 2 },
        inputs: [[2, 5, 64], undefined, undefined, [2, 2, 3, 8], [2, 2, 3, 8]],
      },
      attention(8),
    ],
    [
      'projected',
      {
        opType: 'Attention',
        domain: microsoft,
        attributes: { num_heads: 4 },
        inputs: [[2, 5, 32], [32, 96], [96], undefined, [2, 2, 4, 3, 8]],
      },
      2 * 5 * 32 * 96 + attention(8),
    ],
  ])('%s', (_, of, macs) => {
    expect(macsOf(of)).toBe(macs);
  });
});

it('deformable convolutions count as the others', () => {
  const inputs = [
    [1, 4, 9, 9],
    [6, 2, 3, 3],
    [1, 18, 7, 7],
  ];
  expect(macsOf({ opType: 'DeformConv', inputs, attributes: { group: 2 } })).toBe(6 * 7 * 7 * 2 * 9);
  expect(macsOf({ opType: 'Conv', inputs: inputs.slice(0, 2), attributes: { group: 2 } })).toBe(6 * 7 * 7 * 2 * 9);
});

describe('recurrent layers', () => {
  it.each([
    ['RNN', 1],
    ['GRU', 3],
    ['LSTM', 4],
  ])('%s, in both directions, whichever outputs are wanted', (opType, gates) => {
    const inputs = [
      [7, 2, 5],
      [2, gates * 6, 5],
      [2, gates * 6, 6],
    ];
    const attributes = { hidden_size: 6, direction: 'bidirectional' };
    const macs = 7 * 2 * 2 * gates * 6 * (5 + 6);
    for (const outputs of [['y'], ['', 'last'], ['y', 'last']])
      expect(macsOf({ opType, inputs, attributes, outputs })).toBe(macs);
  });
});
