/** Gates on exports of published models: one session does what pruning and PyTorch do. All exports under VDMINI_FULL=1. */
import { describe, expect, it } from 'vitest';
import { planOf } from '../../fixtures/exports/checkExport';
import { closenessOf, maxDifference } from '../../fixtures/exports/closeness';
import { isPacked } from '../../fixtures/exports/floatTwin';
import { matchModules } from '../../fixtures/exports/matchModules';
import { openExport } from '../../fixtures/exports/openExport';
import { readExportFacts } from '../../fixtures/exports/readExport';
import { checkModel } from '../onnx/checkModel';
import { gate, gateFeeds } from './gate';
import { prune } from './prune';
import { exportPaths, exportsRoot, full, sample, wholeCase } from './testing/exportSamples';

/** U-Nets of both exporters, and transformers with one and two streams. */
const chosen = [
  'modelscope/dynamo/fixed',
  'svd/legacy/fixed',
  'hunyuan/legacy/fused',
  'latte/dynamo/fixed',
  'wan/legacy/fixed',
  'ltx/legacy/fixed',
  'mochi/legacy/fixed',
];
const paths = full ? exportPaths.filter((path) => readExportFacts(exportsRoot, path).error !== null) : chosen;
const minutes = 60_000;

describe('gates do in one session what pruning does', () => {
  it.each(paths)('%s', { timeout: 20 * minutes }, async (path) => {
    const opened = openExport(exportsRoot, path);
    const { model, tree, reference } = opened;
    const gated = gate(model, tree);
    checkModel(gated.model);
    const blockOf = matchModules(opened, exportsRoot);
    const session = await opened.load(gated.model);
    // In float16 the runtime rounds elsewhere in another graph: there only PyTorch is the measure.
    const isHalf = opened.facts.variant === 'fp16';
    for (const expected of isHalf ? [] : [wholeCase(opened), ...sample(opened)]) {
      const plan = planOf(expected, tree, blockOf)!;
      const output = await session.run(gateFeeds(gated.gates, tree, plan));
      const student = await opened.load(prune(model, tree, plan));
      const difference = maxDifference(output, await student.run());
      await student.release();
      expect(difference, `${expected.kind} ${plan.dropped.join(', ')}`).toBeLessThanOrEqual(1e-5);
    }
    if (full && !isPacked(model)) {
      const { allowed, between } = await closenessOf(opened);
      const slack = isHalf ? 2 : 1; // the plain graph's own error is the measure, and this one rounds elsewhere
      for (const expected of reference.cases) {
        const plan = planOf(expected, tree, blockOf)!;
        const output = await session.run(gateFeeds(gated.gates, tree, plan));
        expect(
          between(output, opened.expected(expected)),
          `${expected.kind} ${plan.dropped.join(', ')}`,
        ).toBeLessThanOrEqual(slack * allowed);
      }
    }
    await session.release();
  });
});
