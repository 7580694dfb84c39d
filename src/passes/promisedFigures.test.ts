/**
 * What the map promises of a block, the block's drop removes: parameters, bytes and multiplications, of parents too. On a few
 * exports of published models; on all with names and free or fixed sizes under VDMINI_FULL=1.
 */
import { describe, expect, it } from 'vitest';
import { openExport } from '../../fixtures/exports/openExport';
import { countTotals } from '../blocks/countTotals';
import { denoiserTypes } from '../blocks/denoiserTypes';
import { allBlocks } from '../blocks/plan';
import { prune } from './prune';
import { exportPaths, exportsRoot, full, furtherPaths, furtherRoot } from './testing/exportSamples';

const all = [
  ...exportPaths.filter((path) => /\/(fixed|dynamic)$/.test(path)).map((path) => [exportsRoot, path] as const),
  ...furtherPaths.map((path) => [furtherRoot, path] as const),
];
const few = [
  [exportsRoot, 'latte/dynamo/fixed'],
  [exportsRoot, 'hunyuan/legacy/fixed'],
  [furtherRoot, 'decoder-svd/legacy/fixed'],
  [furtherRoot, 'decoder-wan-3/dynamo/fixed'],
  [furtherRoot, 'wan-vace/legacy/fixed'],
] as const;
const minutes = 60_000;

describe('a block promises no more than its drop removes', () => {
  it.each(full ? all : few)('%s %s', { timeout: 20 * minutes }, (root, path) => {
    const { model, tree, bindings } = openExport(root, path);
    const types = denoiserTypes(model, bindings);
    const blocks = allBlocks(tree).filter(({ droppable }) => droppable);
    expect(blocks.length).toBeGreaterThan(3);
    for (const block of blocks) {
      const left = countTotals(prune(model, tree, { dropped: [block.id] }), types);
      for (const key of ['parameters', 'bytes', 'macs'] as const)
        expect(tree.totals[key] - left[key], `${key} of ${block.id}`).toBeGreaterThanOrEqual(block[key]);
    }
  });
});
