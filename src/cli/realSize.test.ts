/**
 * Full-size graphs on the command line: the real configurations, their weights absent or a sparse file. Heaps are limited
 * by Node itself: a command that needed more would be ended by it.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Block, BlockTree } from '../blocks/block';
import { measure } from '../blocks/countTotals';
import { elementCount } from '../onnx/dataTypes';
import type { Model } from '../onnx/model';
import { prune } from '../passes/prune';
import { openDenoiser } from './openDenoiser';
import { runCliJsonInHeap } from './testing/runCli';

interface FullSize {
  /** The graph file; no weights file is beside it. */
  readonly path: string;
  readonly facts: {
    readonly parameters: number;
    readonly weights: number;
    readonly dataFile: string;
    readonly dataBytes: number;
  };
}

const fixtures = resolve(import.meta.dirname, '../../fixtures/full-size');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vdmini-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function unpack(name: string): FullSize {
  const own = mkdtempSync(join(folder, `${name}-`));
  const path = join(own, 'model.onnx');
  writeFileSync(path, gunzipSync(readFileSync(join(fixtures, name, 'model.onnx.gz'))));
  return { path, facts: JSON.parse(readFileSync(join(fixtures, name, 'full-size.json'), 'utf8')) };
}

/** Elements of the floating-point tensors outside and inside the graph file. */
function floats({ graph }: Model): { external: number; inline: number } {
  const count = { external: 0, inline: 0 };
  for (const { data, dataType, dims } of graph.initializers.values()) {
    if (data.kind !== 'strings' && dataType.startsWith('float')) count[data.kind] += elementCount(dims);
  }
  return count;
}

describe('HunyuanVideo, 12.8 billion parameters', () => {
  let model: Model;
  let tree: BlockTree;
  let facts: FullSize['facts'];
  const named = (id: string): Block => tree.blocks.find((block) => block.id === id)!;

  /** The exporter makes ones for each LayerNorm without a scale: in the file, but no parameters. */
  const ones = 3072;

  beforeAll(async () => {
    const hunyuan = unpack('hunyuan');
    facts = hunyuan.facts;
    ({ model, tree } = await openDenoiser(hunyuan.path, {})); // would throw if it asked for the weights: they are nowhere
  });

  it('has its 20 double and 40 single blocks, under the paths of their modules', () => {
    const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}.${i}`);
    const expected = [...ids('transformer_blocks', 20), ...ids('single_transformer_blocks', 40)];
    const blocks = tree.blocks.filter(({ id }) => /^(single_)?transformer_blocks\./.test(id));
    expect(blocks.map(({ id }) => id)).toEqual(expected);
    for (const block of blocks) expect(block).toMatchObject({ kind: 'transformer', droppable: true });
  });

  it('has the parameters of the PyTorch model', () => {
    const { external, inline } = floats(model);
    expect(external).toBe(facts.parameters);
    // 121 LayerNorms without a scale, three grids of positions (9 x 34 x 60) and 170 numbers of frequencies and scales
    expect(inline).toBe(121 * ones + 3 * 9 * 34 * 60 + 170);
    // Of these the grids of positions and some scales are still counted.
    expect(tree.totals.parameters - external).toBe(3 * 9 * 34 * 60 + 42);
    expect(tree.blocks.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(tree.totals.parameters);
  });

  it('has the parameters of each block', () => {
    const linear = (from: number, to: number) => from * to + to;
    // modulation of both streams; q, k, v and output of both; four norms of 128 for q and k; a feed-forward each
    const double =
      2 * linear(3072, 6 * 3072) + 8 * linear(3072, 3072) + 4 * 128 + 2 * (linear(3072, 12288) + linear(12288, 3072));
    // modulation; q, k, v with their two norms; the feed-forward's first layer; one output for attention and feed-forward
    const single =
      linear(3072, 3 * 3072) + 3 * linear(3072, 3072) + 2 * 128 + linear(3072, 12288) + linear(3072 + 12288, 3072);
    for (let i = 0; i < 20; i++) expect(named(`transformer_blocks.${i}`).parameters).toBe(double);
    for (let i = 0; i < 40; i++) expect(named(`single_transformer_blocks.${i}`).parameters).toBe(single);
  });

  it('has the multiply-accumulates of each block', () => {
    // 9 latent frames of 68 x 120 in patches of 2 x 2 are 9 * 34 * 60 tokens, beside 256 of text.
    const [video, text] = [9 * 34 * 60, 256];
    const all = video + text;
    const attention = 2 * all * all * 3072; // scores, and values weighted by them, over 24 heads of 128
    const double = 2 * 3072 * 6 * 3072 + 4 * all * 3072 ** 2 + attention + all * 2 * 3072 * 12288;
    const single = 3072 * 3 * 3072 + all * (3 * 3072 ** 2 + 3072 * 12288 + (3072 + 12288) * 3072) + attention;
    for (let i = 0; i < 20; i++) expect(named(`transformer_blocks.${i}`).macs).toBe(double);
    for (let i = 0; i < 40; i++) expect(named(`single_transformer_blocks.${i}`).macs).toBe(single);
  });

  it.each([
    'transformer_blocks.0',
    'transformer_blocks.19',
    'single_transformer_blocks.0',
    'single_transformer_blocks.39',
  ])('loses all of %s when that is dropped', (id) => {
    const after = measure(prune(model, tree, { dropped: [id] }), new Map());
    expect(after.parameters).toBe(tree.totals.parameters - named(id).parameters);
    expect(after.macs).toBe(tree.totals.macs - named(id).macs);
  });

  it('is listed in 150 MB of heap', async () => {
    const { path } = unpack('hunyuan');
    const { model } = await runCliJsonInHeap<{ model: { parameters: number } }>(150, 'blocks', path);
    expect(model.parameters).toBe(tree.totals.parameters);
  });
});

describe('Stable Video Diffusion, 3 GB', () => {
  it('has the parameters of the PyTorch model, and is listed in 150 MB of heap', async () => {
    const { path, facts } = unpack('svd');
    const { model } = await runCliJsonInHeap<{ model: { parameters: number } }>(150, 'blocks', path);
    // The exporter makes a row of 14 frames of the 38 factors that blend spatial and temporal paths, or of what is left to
    // 1 (44 rows have another shape than the other 32).
    const constants = (44 + 32) * 14 - 38 + 1;
    expect(model.parameters).toBe(facts.parameters + constants);
  });

  it('is pruned and exported in 200 MB of heap', async () => {
    const { path, facts } = unpack('svd');
    const weights = join(path, '..', facts.dataFile);
    writeFileSync(weights, '');
    truncateSync(weights, facts.dataBytes);
    const out = join(folder, 'pruned.onnx');
    const { after } = await runCliJsonInHeap<{ after: { parameters: number; bytes: number } }>(
      200,
      'prune',
      path,
      '--preset',
      'vdmini',
      '--out',
      out,
    );
    expect(Math.round(after.parameters / 1e5) / 10).toBe(939.9);
    const written = statSync(`${out}.data`).size + statSync(out).size;
    expect(written).toBeGreaterThan(after.bytes);
    expect(written).toBeLessThan(after.bytes + 20e6); // the graph, and gaps between weights
  });
});
