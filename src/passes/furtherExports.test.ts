/**
 * Discovery, surgery, gates and the passes for the runtime on decoders and denoisers beside the ten video families, against
 * PyTorch. By default some cases of each export; all of them, gated and optimised too, under VDMINI_FULL=1.
 */
import { describe, expect, it } from 'vitest';
import { checkExport, planOf } from '../../fixtures/exports/checkExport';
import { maxDifference } from '../../fixtures/exports/closeness';
import { matchModules } from '../../fixtures/exports/matchModules';
import { openExport } from '../../fixtures/exports/openExport';
import type { ReferenceCase } from '../../fixtures/exports/readExport';
import { allBlocks } from '../blocks/plan';
import { checkModel } from '../onnx/checkModel';
import { fusionsOn } from './fuse/fuse';
import { gateFeeds } from './gate';
import { gateOptimised, optimise } from './optimise';
import { prune } from './prune';
import { full, furtherPaths, furtherRoot } from './testing/exportSamples';

const minutes = 60_000;
/** As for the ten families (optimise.test.ts). */
const tolerance = 1e-4;
const isOne = ({ kind }: ReferenceCase) => kind === 'single' || kind === 'branch';

it('are decoders and denoisers of both exporters', () => {
  expect(furtherPaths.length).toBeGreaterThanOrEqual(20);
});

describe.each(furtherPaths)('%s', (path) => {
  it('equals PyTorch wherever it is offered', { timeout: 20 * minutes }, async () => {
    const report = await checkExport(furtherRoot, path, full ? {} : { singles: 5 });
    expect(report.reason ?? '').toMatch(/^(not covered: .*)?$/);
    expect(report.ran).toBeGreaterThan(0);
    expect(report.worst, report.worstCase).toBeLessThanOrEqual(report.allowed);
  });

  it('offers at least 85 of 100 modules, and says why the others stay', () => {
    const opened = openExport(furtherRoot, path);
    const { reference, tree } = opened;
    const found = new Map(allBlocks(tree).map((block) => [block.id, block]));
    const modules = reference.cases.filter(isOne).map(({ dropped }) => dropped[0]!);
    const refused = modules.filter((id) => !found.get(id)?.droppable);
    expect(refused.length, refused.join(', ')).toBeLessThanOrEqual(0.15 * modules.length);
    for (const id of refused) expect(found.get(id)?.reason, id).toMatch(/\.$/);
  });

  it.runIf(full)('optimised and gated, gives what its file gives', { timeout: 20 * minutes }, async () => {
    const opened = openExport(furtherRoot, path);
    const { model, tree, bindings, reference } = opened;
    const distance = (a: Float32Array, b: Float32Array) => maxDifference(a, b) / Math.max(1, ...b.map(Math.abs));
    const plain = await opened.run(model);
    for (const backend of ['wasm', 'webgpu'] as const) {
      const result = optimise(model, { bindings }, [], fusionsOn(backend, new Set()));
      checkModel(result);
      expect(distance(await opened.run(result), plain), backend).toBeLessThanOrEqual(tolerance);
    }
    const gated = gateOptimised(model, tree, { bindings });
    const session = await opened.load(gated.model);
    const blockOf = matchModules(opened, furtherRoot);
    for (const expected of reference.cases) {
      const plan = planOf(expected, tree, blockOf);
      // Inside a layer of a U-Net there is no gate before somebody asks for one.
      if (!plan || plan.dropped.some((id) => !allBlocks({ ...tree, parts: [] }).some((block) => block.id === id)))
        continue;
      const student = await opened.run(prune(model, tree, plan));
      const preview = await session.run(gateFeeds(gated.gates, tree, plan));
      expect(distance(preview, student), plan.dropped.join(', ')).toBeLessThanOrEqual(tolerance);
    }
    await session.release();
  });
});
