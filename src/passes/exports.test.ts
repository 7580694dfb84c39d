/**
 * Discovery and surgery against PyTorch, on exports of published models. By default a few cases of each export; all of
 * them under VDMINI_FULL=1 (`npm run test:full`).
 */
import { describe, expect, it } from 'vitest';
import { checkExport, planOf } from '../../fixtures/exports/checkExport';
import { closenessOf, maxDifference } from '../../fixtures/exports/closeness';
import { isPacked } from '../../fixtures/exports/floatTwin';
import { matchModules } from '../../fixtures/exports/matchModules';
import type { OpenedExport } from '../../fixtures/exports/openExport';
import { openExport } from '../../fixtures/exports/openExport';
import type { Block } from '../blocks/block';
import { countTotals, measure } from '../blocks/countTotals';
import { type Plan, resolvePlan } from '../blocks/plan';
import { checkModel } from '../onnx/checkModel';
import type { Model } from '../onnx/model';
import { prune } from './prune';
import { exportPaths, exportsRoot, full, sample, wholeCase } from './testing/exportSamples';

const minutes = 60_000;

function leaves(block: Block): readonly Block[] {
  return block.children.length === 0 ? [block] : block.children.flatMap(leaves);
}

/** The interface stays, the graph is valid, and no weight that only the dropped blocks held is left. */
function expectSound({ model, tree }: OpenedExport, pruned: Model, plan: Plan): void {
  checkModel(pruned);
  expect(pruned.graph.inputs).toEqual(model.graph.inputs);
  expect(pruned.graph.outputs).toEqual(model.graph.outputs);
  const gone = new Set(resolvePlan(tree, plan).goneIds);
  const under = (block: Block): readonly Block[] =>
    gone.has(block.id) ? leaves(block) : block.children.flatMap(under);
  const freed = tree.blocks.flatMap(under).reduce((sum, { parameters }) => sum + parameters, 0);
  expect(countTotals(pruned, new Map()).parameters).toBeLessThanOrEqual(tree.totals.parameters - freed);
}

describe('results of PyTorch', () => {
  it.each(exportPaths)('%s', async (path) => {
    const opened = openExport(exportsRoot, path);
    const { tree, model } = opened;
    for (const key of ['parameters', 'bytes', 'macs'] as const) {
      expect(
        tree.blocks.reduce((sum, block) => sum + block[key], 0),
        `${key} of all blocks`,
      ).toBe(tree.totals[key]);
    }
    const blockOf = matchModules(opened, exportsRoot);
    const measured = opened.facts.error !== null && !isPacked(model); // else there is no measure: see floatTwin.ts
    const { allowed, between } = measured ? await closenessOf(opened) : { allowed: 0, between: maxDifference };
    const whole = opened.expected(wholeCase(opened));
    for (const expected of sample(opened)) {
      const plan = planOf(expected, tree, blockOf);
      expect(plan, `a block for each of ${expected.dropped.join(', ')}`).toBeDefined();
      const pruned = prune(model, tree, plan!);
      expectSound(opened, pruned, plan!);
      if (!measured) continue;
      expect(
        between(await opened.run(pruned), opened.expected(expected)),
        plan!.dropped.join(', '),
      ).toBeLessThanOrEqual(allowed);
      expect(between(whole, opened.expected(expected)), 'the effect of the drop').toBeGreaterThan(allowed);
    }
  });

  it.each(full ? exportPaths : [])('%s, every case', { timeout: 20 * minutes }, async (path) => {
    const report = await checkExport(exportsRoot, path);
    expect(report.verdict, report.reason).not.toBe('fails');
  });
});

describe('counting', () => {
  it.each(['modelscope/dynamo/fixed', 'wan/dynamo/int4'])('an empty plan keeps all of %s', (path) => {
    const { model, tree, bindings } = openExport(exportsRoot, path);
    const kept = prune(model, tree, { dropped: [] });
    expect(measure(kept, bindings)).toMatchObject({ parameters: tree.totals.parameters, macs: tree.totals.macs });
  });
});
