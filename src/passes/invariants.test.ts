/**
 * What must hold of surgery on any graph, on exports of published models; on random networks: `residualGraphs.test.ts`.
 * By default one export of each family, all float32 exports under VDMINI_FULL=1.
 */
import { describe, expect, it } from 'vitest';
import { maxDifference } from '../../fixtures/exports/closeness';
import { droppableBlocks } from '../../fixtures/exports/matchModules';
import type { OpenedExport } from '../../fixtures/exports/openExport';
import { openExport } from '../../fixtures/exports/openExport';
import { readExportFacts } from '../../fixtures/exports/readExport';
import type { Block } from '../blocks/block';
import { denoiserTypes } from '../blocks/denoiserTypes';
import { discoverBlocks } from '../blocks/discoverBlocks';
import { analyse } from '../blocks/flow';
import { checkModel } from '../onnx/checkModel';
import { producers } from '../onnx/graph';
import type { Model, Node } from '../onnx/model';
import { readModel } from '../onnx/readModel';
import { writeModel } from '../onnx/writeModel';
import { prune } from './prune';
import { exportPaths, exportsRoot, full } from './testing/exportSamples';
import { withNeutralBranches } from './testing/neutralBranches';

const float32 = exportPaths.filter((path) => (readExportFacts(exportsRoot, path).error ?? 1) < 3e-5);
const families = [...new Set(float32.map((path) => path.split('/')[0]!))];
/** Both exporters by turns. */
const oneEach = families.flatMap(
  (family, i) => float32.find((path) => path.startsWith(`${family}/${['legacy', 'dynamo'][i % 2]}/fixed`)) ?? [],
);
const paths = full ? float32 : oneEach;
const minutes = 60_000;

/** At most so many, evenly spread. */
const spread = <T>(all: readonly T[], count: number): readonly T[] =>
  all.filter((_, i) => Math.floor((i * count) / all.length) !== Math.floor(((i - 1) * count) / all.length));

/** Blocks that are droppable, none inside another. */
function apart(blocks: readonly Block[]): readonly Block[] {
  const inside = (block: Block): readonly string[] => block.children.flatMap((child) => [child.id, ...inside(child)]);
  const taken = new Set(blocks.flatMap(inside));
  return blocks.filter(({ id, members }) => !taken.has(id) && !members);
}

/** Much faster than comparing the arrays in an expectation. */
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

const nodeSet = ({ graph }: Model): readonly string[] =>
  graph.nodes.map(({ name, opType, inputs, outputs }) => [name, opType, ...inputs, ...outputs].join()).sort();

/** Drops one unit of a graph that may be pruned already, where a unit's exits have other entries than before. */
function dropAgain({ bindings }: OpenedExport, model: Model, { rewires }: Block): Model {
  const tree = discoverBlocks(model, { bindings });
  const exits = new Set(rewires.map(({ exit }) => exit));
  const units = droppableBlocks(tree).filter((block) => block.rewires.every(({ exit }) => exits.has(exit)));
  expect(new Set(units.flatMap((block) => block.rewires.map(({ exit }) => exit)))).toEqual(exits);
  return prune(model, tree, { dropped: units.map(({ id }) => id) });
}

function isAncestor(madeBy: ReadonlyMap<string, Node>, ancestor: string, value: string): boolean {
  const pending = [value];
  const seen = new Set(pending);
  for (const current of pending) {
    if (current === ancestor) return true;
    for (const input of madeBy.get(current)?.inputs ?? []) {
      if (!seen.has(input)) pending.push(input);
      seen.add(input);
    }
  }
  return false;
}

describe.each(paths)('%s', (path) => {
  const opened = openExport(exportsRoot, path);
  const { model, tree, bindings, run } = opened;
  const droppable = droppableBlocks(tree);
  const flow = analyse(model, denoiserTypes(model, bindings), tree.latentInput);

  it('gives the same for an empty plan, and is the same after a round trip', { timeout: 5 * minutes }, async () => {
    const kept = prune(model, tree, { dropped: [] });
    const bytes = writeModel(kept);
    expect(same(writeModel(readModel(bytes)), bytes)).toBe(true);
    expect(nodeSet(prune(kept, discoverBlocks(kept, { bindings }), { dropped: [] }))).toEqual(nodeSet(kept));
    expect(maxDifference(await run(kept), await run(model))).toBe(0);
  });

  it('replaces values by ancestors of the same type', () => {
    const madeBy = producers(flow.graph); // fused additions spelt out
    for (const { id, rewires } of [...droppable, ...tree.groups]) {
      for (const { exit, entry } of rewires) {
        expect(flow.types.get(entry), id).toEqual(flow.types.get(exit));
        expect(isAncestor(madeBy, entry, exit), `${id}: ${entry} before ${exit}`).toBe(true);
      }
    }
  });

  it('does not care for the order, and leaves the model as it was', () => {
    const before = writeModel(model);
    const [a, b] = spread(apart(droppable), 2) as [Block, Block];
    const both = nodeSet(prune(model, tree, { dropped: [a.id, b.id] }));
    expect(nodeSet(dropAgain(opened, prune(model, tree, { dropped: [a.id] }), b))).toEqual(both);
    expect(nodeSet(dropAgain(opened, prune(model, tree, { dropped: [b.id] }), a))).toEqual(both);
    expect(same(writeModel(model), before)).toBe(true);
  });

  const isStandard = model.graph.nodes.every(({ domain }) => domain === '');
  it.runIf(isStandard)('does what zero weights and open gates do', { timeout: 5 * minutes }, async () => {
    const neutral = droppable.flatMap((block) => {
      const other = withNeutralBranches(model, flow, block.rewires);
      return other ? [{ block, other }] : [];
    });
    expect(neutral.length).toBeGreaterThan(0);
    for (const { block, other } of spread(neutral, 3)) {
      const pruned = prune(model, tree, { dropped: [block.id] });
      checkModel(pruned);
      expect(maxDifference(await run(pruned), await run(other)), block.id).toBeLessThanOrEqual(3e-5);
    }
  });
});
