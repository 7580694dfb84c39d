/** What is said of ids that name no block, on exports whose PyTorch modules they are. */
import { describe, expect, it } from 'vitest';
import { openExport } from '../../fixtures/exports/openExport';
import { exportsRoot } from '../passes/testing/exportSamples';
import { resolvePlan } from './plan';
import { unknownIdText } from './unknownId';

const { tree } = openExport(exportsRoot, 'hunyuan/legacy/fixed');

describe('an id that names no block', () => {
  it('is told to be in one', () => {
    expect(unknownIdText(tree, 'transformer_blocks.1.attn.to_q')).toMatch(
      /parts of transformer_blocks\.1\.attn have .* transformer_blocks\.1\.attn can be dropped\.$/,
    );
    expect(unknownIdText(tree, 'transformer_blocks.1.norm1')).toMatch(
      /can be dropped, and of it .*transformer_blocks\.1\.ff\b/,
    );
    expect(unknownIdText(tree, 'proj_out.weight')).toMatch(/proj_out has to stay\. It turns the hidden state into/);
  });

  it('is told to be no more than its members, which can be dropped together', () => {
    const members = [0, 1].map((at) => `context_embedder.token_refiner.refiner_blocks.${at}`);
    const text = unknownIdText(tree, 'context_embedder.token_refiner');
    expect(text).toMatch(new RegExp(`can be dropped, together too: ${members.join(', ')}\\.$`));
    expect(resolvePlan(tree, { dropped: members }).goneIds).toEqual(expect.arrayContaining(members));
  });

  it('is told which block it may be written as', () => {
    expect(unknownIdText(tree, 'transformer_blocks.1.inner.ff')).toMatch(
      /transformer_blocks\.1\.ff stands for this and for others that are written alike\. transformer_blocks\.1\.ff can be dropped\.$/,
    );
    expect(unknownIdText(tree, 'transformer_blocks.1.norm1')).not.toMatch(/written alike/);
  });

  it('is told where to look otherwise', () => {
    expect(unknownIdText(tree, 'down_blocks.7')).toMatch(/no block named down_blocks\.7\. "blocks/);
  });
});
