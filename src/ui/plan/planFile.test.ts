import { describe, expect, it } from 'vitest';
import type { BlockTree } from '../../blocks/block';
import { readPlan } from './planFile';

const leaf = {
  kind: 'layer',
  section: 'body',
  level: 0,
  depth: 0,
  parameters: 0,
  bytes: 0,
  macs: 0,
  droppable: true,
  rewires: [],
  children: [],
} as const;
const totals = { nodes: 0, parameters: 0, bytes: 0, macs: 0 };
const tree: BlockTree = {
  latentInput: 'x',
  blocks: [
    { ...leaf, id: 'a' },
    { ...leaf, id: 'b' },
  ],
  groups: [],
  notes: [],
  totals,
};

describe('plan files', () => {
  it('reads a plan, a list, and a plan inside a report', () => {
    for (const text of ['{"dropped":["b"]}', '["b"]', '{"plan":{"dropped":["b"]},"model":"m"}']) {
      expect(readPlan(text, 'plan.json', tree)).toEqual({ plan: { dropped: ['b'] }, unknownIds: [] });
    }
  });

  it('reports ids that are not in the model, and refuses when none is', () => {
    expect(readPlan('["a","z"]', 'p.json', tree)).toEqual({ plan: { dropped: ['a'] }, unknownIds: ['z'] });
    expect(() => readPlan('["y","z"]', 'p.json', tree)).toThrowError(
      expect.objectContaining({ code: 'blocks/unknown-id' }),
    );
  });

  it('refuses what is no plan', () => {
    for (const text of ['{', '{}', '[1]', 'null', '"a"']) {
      expect(() => readPlan(text, 'p.json', tree), text).toThrowError(
        expect.objectContaining({ code: 'library/invalid-config' }),
      );
    }
  });
});
