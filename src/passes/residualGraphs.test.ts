/** What must hold of discovery and surgery on any residual network: properties over random ones. */

import fc from 'fast-check';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { BlockTree, Rewire } from '../blocks/block';
import { discoverBlocks } from '../blocks/discoverBlocks';
import { allBlocks } from '../blocks/plan';
import { withoutNames } from '../blocks/testing/withoutNames';
import { checkModel } from '../onnx/checkModel';
import { producers } from '../onnx/graph';
import type { Model } from '../onnx/model';
import { readModel } from '../onnx/readModel';
import { inferShapes } from '../onnx/shapes/inferShapes';
import { writeModel } from '../onnx/writeModel';
import { gate, gateFeeds } from './gate';
import { prune } from './prune';
import type { ResidualGraph } from './testing/residualGraph';
import { recipes, residualGraph, textTokens, tokens, width, withWeights } from './testing/residualGraph';
import { loadModel, maxDifference, runOnce, scalarBool } from './testing/runModel';
import { savedByRuntime } from './testing/savedByRuntime';

const wave = (length: number, step: number) => Float32Array.from({ length }, (_, i) => Math.sin(1 + i * step));
const feeds = {
  sample: new Tensor('float32', wave(tokens * width, 0.7), [1, tokens, width]),
  encoder_hidden_states: new Tensor('float32', wave(textTokens * width, 1.3), [1, textTokens, width]),
  timestep: new Tensor('float32', wave(width, 0.4), [1, width]),
};
const discover = (model: Model): BlockTree => discoverBlocks(model, { bindings: new Map() });
const run = (model: Model) => runOnce(model, feeds);
const TOLERANCE = 3e-5;

/** A network, and which of its droppable blocks go. */
const plans = fc.record({ recipe: recipes, chances: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }) });

interface Case {
  readonly graph: ResidualGraph;
  readonly tree: BlockTree;
  /** Module paths. */
  readonly dropped: readonly string[];
}

/** Droppable units that together do exactly this: one that does all of it, else one for each value. */
function unitsThatDo(tree: BlockTree, rewires: readonly Rewire[]): readonly string[] | undefined {
  const doing = (wanted: readonly Rewire[]) =>
    allBlocks(tree).find((block) => block.droppable && JSON.stringify(block.rewires) === JSON.stringify(wanted))?.id;
  const one = doing(rewires);
  if (one !== undefined) return [one];
  const each = rewires.map((rewire) => doing([rewire]));
  return each.every((id) => id !== undefined) ? each : undefined;
}

/** The module paths of a plan as ids of the tree. */
const idsOf = ({ blocks }: ResidualGraph, tree: BlockTree, dropped: readonly string[]): string[] =>
  dropped.flatMap((id) => unitsThatDo(tree, blocks.find((block) => block.id === id)!.rewires)!);

/** The whole of it in a form that does not depend on the order of nodes. */
const structure = ({ graph }: Model) => ({
  nodes: graph.nodes.map(({ name, inputs, outputs }) => [name, inputs, outputs].join()).sort(),
  initializers: [...graph.initializers.keys()].sort(),
});

const forGraphs = (runs: number, property: (graph: ResidualGraph, tree: BlockTree) => void) =>
  fc.assert(
    fc.property(recipes, (recipe) => {
      const graph = residualGraph(recipe);
      property(graph, discover(graph.model));
    }),
    { numRuns: runs },
  );

const forPlans = (runs: number, property: (given: Case) => Promise<void> | void) =>
  fc.assert(
    fc.asyncProperty(plans, async ({ recipe, chances }) => {
      const graph = residualGraph(recipe);
      await property({
        graph,
        tree: discover(graph.model),
        dropped: graph.blocks.map(({ id }) => id).filter((_, i) => chances[i]),
      });
    }),
    { numRuns: runs },
  );

describe('discovery', () => {
  it('finds every block that can go, and none that cannot', () =>
    forGraphs(300, ({ blocks, fixed }, tree) => {
      for (const { id, item, rewires } of blocks) expect(unitsThatDo(tree, rewires), `${id} ${item}`).toBeDefined();
      const droppable = allBlocks(tree).filter((block) => block.droppable);
      for (const id of fixed)
        expect(
          droppable.filter((block) => block.id === id || block.id.startsWith(`${id}.`)),
          id,
        ).toEqual([]);
    }));

  it('replaces values by ancestors of the same type, and counts every weight once', () =>
    forGraphs(60, ({ model }, tree) => {
      const types = inferShapes(model);
      const madeBy = producers(model.graph);
      const reaches = (value: string, ancestor: string): boolean =>
        value === ancestor || (madeBy.get(value)?.inputs ?? []).some((input) => reaches(input, ancestor));
      for (const { rewires } of allBlocks(tree)) {
        for (const { exit, entry } of rewires) {
          expect(types.get(entry)).toEqual(types.get(exit));
          expect(reaches(exit, entry)).toBe(true);
        }
      }
      for (const key of ['parameters', 'bytes', 'macs'] as const)
        expect(tree.blocks.reduce((sum, block) => sum + block[key], 0)).toBe(tree.totals[key]);
    }));

  it('needs no names', () =>
    forGraphs(200, ({ model, blocks }) => {
      const { model: nameless, rename } = withoutNames(model);
      const tree = discover(nameless);
      for (const { item, rewires } of blocks) {
        for (const { exit, entry } of rewires) {
          const renamed = { exit: rename(exit), entry: rename(entry) };
          // Whether a position embedding is the block's own, only a name can tell.
          const fits = (rewire: Rewire) =>
            rewire.exit === renamed.exit && (rewire.entry === renamed.entry || item === 'embedded');
          const found = allBlocks(tree).some((block) => block.rewires.some(fits));
          expect(found, item).toBe(true);
        }
      }
    }));
});

describe('discovery in a graph that onnxruntime saved', () => {
  // A Transpose moved on past a Concat, or into an embedding's table, leaves no value in the form of the sum: refused, with that reason.
  const kept = recipes.filter(
    ({ chosen }) => !(chosen.includes('moved') && (chosen.includes('joined') || chosen.includes('embedded'))),
  );

  it.each(['basic', 'extended'] as const)('finds as many blocks at the %s level', (level) =>
    fc.assert(
      fc.asyncProperty(kept, async (recipe) => {
        const { model } = residualGraph(recipe);
        const cuts = (tree: BlockTree) =>
          new Set(allBlocks(tree).flatMap(({ rewires }) => rewires.map(({ exit }) => exit))).size;
        expect(cuts(discover(await savedByRuntime(model, level)))).toBe(cuts(discover(model)));
      }),
      { numRuns: 40 },
    ),
  );
});

describe('pruning', () => {
  it('changes nothing for an empty plan, nor the model it is given', () =>
    forPlans(15, async ({ graph, tree, dropped }) => {
      const before = writeModel(graph.model);
      prune(graph.model, tree, { dropped: idsOf(graph, tree, dropped) });
      expect(writeModel(graph.model)).toEqual(before);
      const kept = prune(graph.model, tree, { dropped: [] });
      expect(await run(kept)).toEqual(await run(graph.model));
      expect(writeModel(readModel(writeModel(kept)))).toEqual(writeModel(kept));
    }));

  it('leaves a valid graph with the same interface and no weight of what went', () =>
    forPlans(200, ({ graph, tree, dropped }) => {
      const pruned = prune(graph.model, tree, { dropped: idsOf(graph, tree, dropped) });
      checkModel(pruned);
      expect(pruned.graph.inputs).toEqual(graph.model.graph.inputs);
      expect(pruned.graph.outputs).toEqual(graph.model.graph.outputs);
      const left = [...pruned.graph.initializers.keys()].filter(
        (name) => dropped.some((id) => name.startsWith(`${id}.`)) && /weight|bias/.test(name),
      );
      expect(left).toEqual([]);
      const again = prune(pruned, discover(pruned), { dropped: [] });
      expect(structure(again)).toEqual(structure(pruned));
    }));

  it('does the same in any order', () =>
    forPlans(60, ({ graph, tree, dropped }) => {
      /** In a pruned graph an exit that is left has a new entry: units are told by their exits. */
      const drop = (model: Model, module: string): Model => {
        const remaining = discover(model);
        const exits = graph.blocks.find(({ id }) => id === module)!.rewires.map(({ exit }) => exit);
        const units = allBlocks(remaining).filter(
          ({ droppable, rewires }) => droppable && rewires.every(({ exit }) => exits.includes(exit)),
        );
        expect([...new Set(units.flatMap(({ rewires }) => rewires.map(({ exit }) => exit)))].sort()).toEqual(
          [...exits].sort(),
        );
        return prune(model, remaining, { dropped: units.map(({ id }) => id) });
      };
      const together = structure(prune(graph.model, tree, { dropped: idsOf(graph, tree, dropped) }));
      expect(structure(dropped.reduce(drop, graph.model))).toEqual(together);
      expect(structure(dropped.reduceRight(drop, graph.model))).toEqual(together);
    }));

  it('equals a branch whose last weights are zero, or a blend whose gate is open', () =>
    forPlans(60, async ({ graph, tree, dropped }) => {
      const chosen = graph.blocks.filter(({ id, item }) => dropped.includes(id) && item !== 'joined');
      const pruned = prune(graph.model, tree, {
        dropped: idsOf(
          graph,
          tree,
          chosen.map(({ id }) => id),
        ),
      });
      const zeroed = withWeights(
        graph.model,
        chosen.flatMap(({ lastWeights }) => lastWeights),
        () => 0,
      );
      const opened = withWeights(
        zeroed,
        chosen.filter(({ item }) => item === 'blended' || item === 'moved').map(({ id }) => `${id}.gate`),
        () => 1,
      );
      expect(maxDifference(await run(pruned), await run(opened))).toBeLessThanOrEqual(TOLERANCE);
    }));
});

describe('gates', () => {
  it('do in one session what pruning does', () =>
    forPlans(40, async ({ graph, tree, dropped }) => {
      const gated = gate(graph.model, tree);
      checkModel(gated.model);
      const session = await loadModel(gated.model);
      for (const modules of [[], dropped, graph.blocks.map(({ id }) => id)]) {
        const plan = { dropped: idsOf(graph, tree, modules) };
        const keeps = Object.fromEntries(
          [...gateFeeds(gated.gates, tree, plan)].map(([name, keep]) => [name, scalarBool(keep)]),
        );
        expect(
          maxDifference(await session.run({ ...feeds, ...keeps }), await run(prune(graph.model, tree, plan))),
        ).toBeLessThanOrEqual(TOLERANCE);
      }
      await session.release();
    }));
});
