/** The paper's preset on full-size and on pruned graphs. That its result is the shallow model: `exports.test.ts`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openExport } from '../../fixtures/exports/openExport';
import type { Block } from '../blocks/block';
import { countTotals } from '../blocks/countTotals';
import { discoverBlocks } from '../blocks/discoverBlocks';
import { presetNamed, presetsFor } from '../blocks/presets';
import { readModel } from '../onnx/readModel';
import { prune } from './prune';

const fixtures = join(__dirname, '../../fixtures');

describe('VDMini', () => {
  it('leaves 939.9 of the 1,524.6 million parameters of the full-size SVD', () => {
    const model = readModel(gunzipSync(readFileSync(join(fixtures, 'full-size/svd/model.onnx.gz'))));
    const tree = discoverBlocks(model, { bindings: new Map() });
    const pruned = prune(model, tree, presetNamed(tree, 'vdmini').plan);
    const millions = (parameters: number) => Math.round(parameters / 1e5) / 10;
    expect(millions(tree.totals.parameters)).toBe(1524.6);
    expect(millions(countTotals(pruned, new Map()).parameters)).toBe(939.9);
  });

  it('is not offered where one of its pairs has to stay', () => {
    const { tree } = openExport(join(fixtures, 'exports'), 'modelscope/legacy/fixed');
    const stay = (block: Block): Block => ({
      ...block,
      droppable: block.id !== 'up_blocks.2.pairs.1' && block.droppable,
      children: block.children.map(stay),
    });
    expect(presetsFor({ ...tree, blocks: tree.blocks.map(stay) }).map(({ id }) => id)).toEqual(['teacher']);
  });

  it('in two steps, with a fresh look in between, is the same as in one', () => {
    const { model, tree, bindings } = openExport(join(fixtures, 'exports'), 'modelscope/legacy/fixed');
    const { dropped } = presetNamed(tree, 'vdmini').plan;
    const inner = dropped.filter((id) => id.startsWith('inner_stages'));
    const first = prune(model, tree, { dropped: inner });
    const remaining = discoverBlocks(first, { bindings });
    const second = prune(first, remaining, { dropped: dropped.filter((id) => !inner.includes(id)) });
    expect(second.graph.nodes).toEqual(prune(model, tree, { dropped }).graph.nodes);
  });
});
