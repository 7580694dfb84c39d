/**
 * Each pass for the runtime, alone and together and with gates, against the graph as it was: on a few exports of
 * published models, on all of them under VDMINI_FULL=1.
 */
import { describe, expect, it } from 'vitest';
import { planOf } from '../../fixtures/exports/checkExport';
import { closenessOf, maxDifference } from '../../fixtures/exports/closeness';
import { isPacked } from '../../fixtures/exports/floatTwin';
import { matchModules } from '../../fixtures/exports/matchModules';
import type { OpenedExport } from '../../fixtures/exports/openExport';
import { openExport } from '../../fixtures/exports/openExport';
import { readExportFacts } from '../../fixtures/exports/readExport';
import { checkModel } from '../onnx/checkModel';
import type { Model } from '../onnx/model';
import { fuse, fusionsOn } from './fuse/fuse';
import { gateFeeds } from './gate';
import { gateOptimised, optimise } from './optimise';
import { prune } from './prune';
import { exportPaths, exportsRoot, full, sample, wholeCase } from './testing/exportSamples';
import { tidy } from './tidy/tidy';

/** U-Nets of both exporters; transformers with one and two streams, masks, and fused products. */
const chosen = [
  'svd/legacy/fixed',
  'animatediff/dynamo/ort-basic',
  'hunyuan/legacy/dynamic',
  'wan/dynamo/ort-extended',
  'latte/legacy/fp16',
];
const runnable = exportPaths.filter((path) => readExportFacts(exportsRoot, path).error !== null);
const minutes = 60_000;
const tolerance = 1e-4;

const count = ({ graph }: Model, opType: string) => graph.nodes.filter((node) => node.opType === opType).length;

/** Distance that counts as equal: 1e-4 of the output's size; of 16 bits, as with gates, what the graph is off by itself. */
async function measureOf(opened: OpenedExport): Promise<(a: ArrayLike<number>, b: ArrayLike<number>) => number> {
  if (opened.facts.variant === 'fp16') {
    const { allowed, between } = await closenessOf(opened);
    return (a, b) => (tolerance * between(a, b)) / (2 * allowed);
  }
  return (a, b) => maxDifference(a, b) / Math.max(1, ...Array.from(b, Math.abs));
}

describe('what the runtime gets does what the model does', () => {
  it.each(full ? runnable : chosen)('%s', { timeout: 20 * minutes }, async (path) => {
    const opened = openExport(exportsRoot, path);
    const { model, tree, bindings } = opened;
    const between = await measureOf(opened);
    const plain = await opened.run(model);
    const sizes = { bindings };
    const webgpu = optimise(model, sizes, [], fusionsOn('webgpu', new Set()));
    const results = { tidy: tidy(model, sizes), fuse: fuse(model, sizes), both: optimise(model, sizes), webgpu };
    for (const [name, result] of Object.entries(results)) {
      checkModel(result);
      expect(between(await opened.run(result), plain), name).toBeLessThanOrEqual(tolerance);
      expect(result.graph.inputs).toEqual(model.graph.inputs);
      expect(result.graph.outputs).toEqual(model.graph.outputs);
    }
    expect(count(results.both, 'MultiHeadAttention')).toBeGreaterThan(0);
    const gated = gateOptimised(model, tree, sizes);
    checkModel(gated.model);
    const session = await opened.load(gated.model);
    const blockOf = matchModules(opened, exportsRoot);
    for (const expected of [wholeCase(opened), ...sample(opened)]) {
      const plan = planOf(expected, tree, blockOf)!;
      const student = await opened.run(prune(model, tree, plan));
      const preview = await session.run(gateFeeds(gated.gates, tree, plan));
      expect(between(preview, student), `${expected.kind} ${plan.dropped.join(', ')}`).toBeLessThanOrEqual(tolerance);
      if (expected.kind === 'none' || isPacked(model)) continue;
      expect(between(plain, student), 'the effect of the drop').toBeGreaterThan(tolerance);
    }
    await session.release();
  });
});
