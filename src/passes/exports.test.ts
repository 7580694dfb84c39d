/**
 * Discovery and surgery against PyTorch, on exports of published models. By default a few cases of each export; all of
 * them, with gates beside, under VDMINI_FULL=1 (`npm run test:full`). `VDMINI_EXPORTS` names another folder of exports.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkExport, planOf } from '../../fixtures/exports/checkExport';
import { closenessOf, maxDifference } from '../../fixtures/exports/closeness';
import { isPacked } from '../../fixtures/exports/floatTwin';
import { matchModules } from '../../fixtures/exports/matchModules';
import type { OpenedExport } from '../../fixtures/exports/openExport';
import { openExport } from '../../fixtures/exports/openExport';
import type { ReferenceCase } from '../../fixtures/exports/readExport';
import { listExports } from '../../fixtures/exports/readExport';
import type { Block, Plan } from '../blocks/block';
import { countTotals, measure } from '../blocks/countTotals';
import { resolvePlan } from '../blocks/resolvePlan';
import { checkModel } from '../onnx/checkModel';
import type { Model } from '../onnx/model';
import { gate, gateFeeds } from './gate';
import { prune } from './prune';

const root = process.env['VDMINI_EXPORTS'] ?? join(__dirname, '../../fixtures/exports');
const paths = listExports(root);
const full = process.env['VDMINI_FULL'] === '1';
const minutes = 60_000;

/** Exports whose gates are compared with pruning by default: U-Nets of both exporters, and transformers with one and two streams. */
const gatedPaths = ['modelscope/dynamo/fixed', 'svd/legacy/fixed', 'hunyuan/legacy/fused', 'latte/dynamo/fixed', 'wan/legacy/fixed', 'ltx/legacy/fixed', 'mochi/legacy/fixed'];

/** A single module, another one for each export of a family, and the preset where there is one, else a random set. */
function sample({ path, reference }: OpenedExport): readonly ReferenceCase[] {
  const singles = reference.cases.filter(({ kind }) => kind === 'single' || kind === 'branch');
  const variant = paths.filter((other) => other.startsWith(`${reference.family}/`)).indexOf(path);
  const several = reference.cases.find(({ kind }) => kind === 'preset') ?? reference.cases.findLast(({ kind }) => kind === 'random');
  return [singles[(variant * 5 + 1) % singles.length]!, several!];
}

function leaves(block: Block): readonly Block[] {
  return block.children.length === 0 ? [block] : block.children.flatMap(leaves);
}

/** The interface stays, the graph is valid, and no weight that only the dropped blocks held is left. */
function expectSound({ model, tree }: OpenedExport, pruned: Model, plan: Plan): void {
  checkModel(pruned);
  expect(pruned.graph.inputs).toEqual(model.graph.inputs);
  expect(pruned.graph.outputs).toEqual(model.graph.outputs);
  const gone = new Set(resolvePlan(tree, plan).goneIds);
  const under = (block: Block): readonly Block[] => (gone.has(block.id) ? leaves(block) : block.children.flatMap(under));
  const freed = tree.blocks.flatMap(under).reduce((sum, { parameters }) => sum + parameters, 0);
  expect(countTotals(pruned, new Map()).parameters).toBeLessThanOrEqual(tree.totals.parameters - freed);
}

describe('results of PyTorch', () => {
  it.each(full ? [] : paths)('%s', async (path) => {
    const opened = openExport(root, path);
    const { tree, model } = opened;
    for (const key of ['parameters', 'bytes', 'macs'] as const) {
      expect(tree.blocks.reduce((sum, block) => sum + block[key], 0), `${key} of all blocks`).toBe(tree.totals[key]);
    }
    const blockOf = matchModules(opened, root);
    const measured = opened.facts.error !== null && !isPacked(model); // else there is no measure: see floatTwin.ts
    const { allowed, between } = measured ? await closenessOf(opened) : { allowed: 0, between: maxDifference };
    const whole = opened.expected(opened.reference.cases.find(({ kind }) => kind === 'none')!);
    for (const expected of sample(opened)) {
      const plan = planOf(expected, tree, blockOf);
      expect(plan, `a block for each of ${expected.dropped.join(', ')}`).toBeDefined();
      const pruned = prune(model, tree, plan!);
      expectSound(opened, pruned, plan!);
      if (!measured) continue;
      expect(between(await opened.run(pruned), opened.expected(expected)), plan!.dropped.join(', ')).toBeLessThanOrEqual(allowed);
      expect(between(whole, opened.expected(expected)), 'the effect of the drop').toBeGreaterThan(allowed);
    }
  });

  it.each(full ? paths : [])('%s, every case', { timeout: 20 * minutes }, async (path) => {
    const report = await checkExport(root, path);
    expect(report.verdict, report.reason).not.toBe('fails');
  });
});

describe('gates do in one session what pruning does', () => {
  it.each(full ? paths : gatedPaths)('%s', { timeout: 20 * minutes }, async (path) => {
    const opened = openExport(root, path);
    const { model, tree, reference } = opened;
    const gated = gate(model, tree);
    checkModel(gated.model);
    const blockOf = matchModules(opened, root);
    const session = await opened.load(gated.model);
    const none = reference.cases.find(({ kind }) => kind === 'none')!;
    for (const expected of full ? reference.cases : [none, ...sample(opened)]) {
      const plan = planOf(expected, tree, blockOf)!;
      const output = await session.run(gateFeeds(gated.gates, tree, plan));
      const student = await opened.load(prune(model, tree, plan));
      const difference = maxDifference(output, await student.run());
      await student.release();
      expect(difference, `${expected.kind} ${plan.dropped.join(', ')}`).toBeLessThanOrEqual(1e-6);
    }
    await session.release();
  });
});

describe('counting', () => {
  it.each(['modelscope/dynamo/fixed', 'wan/dynamo/int4'])('an empty plan keeps all of %s', (path) => {
    const { model, tree, bindings } = openExport(root, path);
    const kept = prune(model, tree, { dropped: [] });
    expect(measure(kept, bindings)).toMatchObject({ parameters: tree.totals.parameters, macs: tree.totals.macs });
  });
});
