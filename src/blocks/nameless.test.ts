/** Discovery reads structure: without any name, scope or metadata it finds the same blocks, under readable ids. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { droppableBlocks } from '../../fixtures/exports/matchModules';
import { openExport } from '../../fixtures/exports/openExport';
import { listExports } from '../../fixtures/exports/readExport';
import type { Model } from '../onnx/model';
import type { Block, BlockTree } from './block';
import { exclusiveNodes, indexGraph } from './graphIndex';
import { resolvePlan } from './plan';
import { presetsFor } from './presets';
import { withoutNames } from './testing/withoutNames';

const root = join(__dirname, '../../fixtures/exports');
const named = listExports(root).filter((path) => path.endsWith('/fixed'));
const READABLE = /^((conditioning\.)?block|in|down|mid|up|inner_stages)(\.\d+)?(\.|$)/;

/** Places in the file of the nodes that go with each block. */
function droppedNodes({ graph }: Model, blocks: readonly Block[]): readonly (readonly number[])[] {
  const index = indexGraph(graph);
  const places = new Map(graph.nodes.map((node, at) => [node, at]));
  const ids = (names: readonly string[]) => names.map((name) => index.ids.get(name)!);
  return blocks.map(({ rewires }) =>
    exclusiveNodes(index, ids(rewires.map(({ exit }) => exit)), ids(rewires.map(({ entry }) => entry)))
      .map((at) => places.get(index.nodes[at]!)!)
      .sort((a, b) => a - b),
  );
}

/** What a block is, besides its name. */
const facts = ({ kind, section, level, parameters, bytes, macs }: Block) => ({
  kind,
  section,
  level,
  parameters,
  bytes,
  macs,
});

const presetRewires = (tree: BlockTree) =>
  presetsFor(tree).map(({ id, plan }) => [id, resolvePlan(tree, plan).rewires] as const);

describe.each(named)('%s without names', (path) => {
  const before = openExport(root, path);
  const { model, rename } = withoutNames(before.model);
  const after = openExport(root, path, () => model);
  const [old, now] = [droppableBlocks(before.tree), droppableBlocks(after.tree)];

  it('has the same blocks, made of the same nodes', () => {
    expect(now.map(facts)).toEqual(old.map(facts));
    expect(droppedNodes(model, now)).toEqual(droppedNodes(before.model, old));
    const renamed = ({ exit, entry }: { exit: string; entry: string }) => ({
      exit: rename(exit),
      entry: rename(entry),
    });
    expect(now.map(({ rewires }) => rewires)).toEqual(old.map(({ rewires }) => rewires.map(renamed)));
    expect(presetRewires(after.tree)).toEqual(
      presetRewires(before.tree).map(([id, rewires]) => [id, rewires.map(renamed)]),
    );
  });

  it('calls them by where they stand, each once', () => {
    const ids = now.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(READABLE);
  });
});

it.each([...new Set(named.map((path) => path.split('/')[0]!))])('%s has the same ids from both exporters', (family) => {
  const [one, other] = ['legacy', 'dynamo'].map((exporter) => {
    const { tree } = openExport(root, `${family}/${exporter}/fixed`, (model) => withoutNames(model).model);
    return droppableBlocks(tree).map(({ id }) => id);
  });
  expect(one).toEqual(other);
});
