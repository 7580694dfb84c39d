/** Ids checked by neutral weights: an export whose ids are known to be right, and the same with two ids exchanged. */
import { describe, expect, it } from 'vitest';
import { openExport } from '../../fixtures/exports/openExport';
import { readExportFacts } from '../../fixtures/exports/readExport';
import type { Block } from '../blocks/block';
import { exportPaths, exportsRoot, full, furtherPaths, furtherRoot } from '../passes/testing/exportSamples';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { type CheckedId, checkIds } from './checkIds';

/** In `[root, export]`: of ten families in all their forms that run here, and of what is beside them. */
const all = [
  ...exportPaths
    .filter((path) => readExportFacts(exportsRoot, path).error !== null)
    .map((path) => [exportsRoot, path] as const),
  ...furtherPaths.map((path) => [furtherRoot, path] as const),
];
const few = [
  [exportsRoot, 'latte/legacy/fixed'],
  [exportsRoot, 'wan/dynamo/fixed'],
  [exportsRoot, 'wan/dynamo/ort-basic'], // weights called val_12 beside biases with names
  [exportsRoot, 'wan/dynamo/int4'], // weights packed, biases not
  [exportsRoot, 'latte/legacy/fp16'], // rounding is a thousandth here
  [furtherRoot, 'decoder-wan-3/legacy/fixed'],
  [furtherRoot, 'decoder-ltx/dynamo/fixed'], // norms that give no number at zero
] as const;
const minutes = 60_000;
/** Of other forms nothing may be told: weights without names, or packed. */
const hasNames = (path: string) => /\/(fixed|dynamic)$/.test(path);

async function check(
  root: string,
  path: string,
  rename: (id: string) => string = (id) => id,
): Promise<readonly CheckedId[]> {
  const { model, tree, bindings } = openExport(root, path);
  const renamed = (block: Block): Block => ({
    ...block,
    id: rename(block.id),
    children: block.children.map(renamed),
  });
  const named = { ...tree, blocks: tree.blocks.map(renamed) };
  return checkIds(nodeRuntime({ threads: 1 }), model, named, { bindings });
}

const wrong = (checked: readonly CheckedId[]) =>
  checked.filter(({ verdict }) => verdict === 'wrong').map(({ id }) => id);

describe('checkIds', () => {
  it.each(full ? all : few)(
    '%s %s: no id is wrong, and most are seen to be right',
    async (root, path) => {
      const checked = await check(root, path);
      if (process.env['VDMINI_TABLE']) {
        const count = (verdict: string) => checked.filter((one) => one.verdict === verdict).length;
        console.log(
          path,
          ['right', 'wrong', 'open', 'no-effect'].map((verdict) => `${count(verdict)} ${verdict}`).join(', '),
        );
      }
      expect(wrong(checked)).toEqual([]);
      if (!hasNames(path)) return;
      expect(checked.filter(({ verdict }) => verdict === 'right').length).toBeGreaterThan(0.5 * checked.length);
    },
    20 * minutes,
  );

  it.each([
    ['latte/legacy/fixed', 'transformer_blocks.0.attn1', 'transformer_blocks.1.attn1'],
    ['latte/legacy/fp16', 'transformer_blocks.0.attn1', 'transformer_blocks.1.attn1'],
    ['wan/dynamo/ort-basic', 'blocks.0.ffn', 'blocks.1.ffn'],
  ])('%s: finds two ids that were exchanged, and only these and what holds them', async (path, a, b) => {
    const checked = await check(exportsRoot, path, (id) => (id === a ? b : id === b ? a : id));
    expect(wrong(checked)).toEqual(expect.arrayContaining([a, b]));
    const [list] = a.split('.');
    expect(wrong(checked).every((id) => id.startsWith(`${list}.`))).toBe(true);
    expect(checked.some(({ verdict }) => verdict === 'right')).toBe(true);
  });
});
