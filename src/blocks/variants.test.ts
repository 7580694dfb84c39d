/**
 * Discovery finds the same in every form of an export: axes fixed or dynamic, other types of weights, saved by an optimiser,
 * without names. Only what runs through an operator that is refused by name may be missing.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allBlocks, droppableBlocks } from '../../fixtures/exports/matchModules';
import { openExport } from '../../fixtures/exports/openExport';
import { listExports } from '../../fixtures/exports/readExport';
import type { Model } from '../onnx/model';
import type { Block } from './block';
import { moduleScope } from './scopes';

const root = process.env['VDMINI_EXPORTS'] ?? join(__dirname, '../../fixtures/exports');
const paths = listExports(root);
const variantsOf = (fixed: string): readonly string[] =>
  paths.filter((path) => path !== fixed && path.startsWith(fixed.replace(/fixed$/, '')));

/** What a block is, whoever saved the graph and whatever the type of its weights. */
const unit = ({ kind, section, level, rewires }: Block) => ({ kind, section, level, rewires: rewires.length });
const ids = (blocks: readonly Block[]): readonly string[] => blocks.map(({ id }) => id);

/** Do nodes tell their modules? In dynamo graphs that onnxruntime saved, only some weights still do. */
const hasScopes = ({ graph }: Model): boolean => graph.nodes.some((node) => moduleScope(node) !== '');

describe.each(paths.filter((path) => path.endsWith('/fixed') && variantsOf(path).length > 0))('%s', (path) => {
  const fixed = droppableBlocks(openExport(root, path).tree);

  it.each(variantsOf(path))('has the same droppable units as %s', (variant) => {
    const { model, tree } = openExport(root, variant);
    const found = droppableBlocks(tree);
    const refused = allBlocks(tree).some(({ reason }) => /through com\.microsoft\S*:\w+/.test(reason ?? ''));
    if (refused) {
      const known = new Map(fixed.map((block) => [block.id, block]));
      const both = found.filter(({ id }) => known.has(id));
      expect(both.length).toBeGreaterThan(0);
      expect(both.map(unit)).toEqual(both.map(({ id }) => unit(known.get(id)!)));
      return;
    }
    expect(found.map(unit)).toEqual(fixed.map(unit));
    if (hasScopes(model)) expect(ids(found)).toEqual(ids(fixed));
    else expect(new Set(ids(found)).size).toBe(found.length);
  });
});
