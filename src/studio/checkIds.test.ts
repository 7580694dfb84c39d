/** Ids checked by neutral weights: an export whose ids are known to be right, and the same with two ids exchanged. */
import { describe, expect, it } from 'vitest';
import { readExportedModel } from '../../fixtures/exports/readExport';
import type { Block } from '../blocks/block';
import { discoverBlocks } from '../blocks/discoverBlocks';
import { readModel } from '../onnx/readModel';
import { exportPaths, exportsRoot, full } from '../passes/testing/exportSamples';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { type CheckedId, checkIds } from './checkIds';

const fixed = exportPaths.filter((path) => path.endsWith('/fixed'));
const minutes = 60_000;

async function check(path: string, rename: (id: string) => string = (id) => id): Promise<readonly CheckedId[]> {
  const model = readModel(readExportedModel(exportsRoot, path));
  const tree = discoverBlocks(model, { bindings: new Map() });
  const renamed = (block: Block): Block => ({
    ...block,
    id: rename(block.id),
    children: block.children.map(renamed),
  });
  const named = { ...tree, blocks: tree.blocks.map(renamed) };
  return checkIds(nodeRuntime({ threads: 1 }), model, named, { bindings: new Map() });
}

const wrong = (checked: readonly CheckedId[]) =>
  checked.filter(({ verdict }) => verdict === 'wrong').map(({ id }) => id);

describe('checkIds', () => {
  it.each(full ? fixed : ['latte/legacy/fixed', 'wan/dynamo/fixed'])(
    '%s: no id is wrong, and most are seen to be right',
    async (path) => {
      const checked = await check(path);
      expect(wrong(checked)).toEqual([]);
      expect(checked.filter(({ verdict }) => verdict === 'right').length).toBeGreaterThan(0.5 * checked.length);
    },
    20 * minutes,
  );

  it('finds two ids that were exchanged, and only these and what holds them', async () => {
    const [a, b] = ['transformer_blocks.0.attn1', 'transformer_blocks.1.attn1'];
    const checked = await check('latte/legacy/fixed', (id) => (id === a ? b! : id === b ? a! : id));
    expect(wrong(checked)).toEqual(expect.arrayContaining([a, b]));
    expect(wrong(checked).every((id) => id.startsWith('transformer_blocks.'))).toBe(true);
    expect(checked.some(({ verdict }) => verdict === 'right')).toBe(true);
  });
});
