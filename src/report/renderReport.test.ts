/** A report is one file that fetches nothing, tells what it was given, and lets no text through as markup. */
import { describe, expect, it } from 'vitest';
import type { Block, BlockTree } from '../blocks/block';
import { compareClips } from '../metrics/compareClips';
import { summariseComparisons } from '../metrics/comparedFigures';
import { disc, drawClip, grey } from '../metrics/testing/clips';
import { figuresOfClip, figuresOfMany } from './comparedRows';
import type { ReportContent } from './ReportContent';
import { renderReport } from './renderReport';

function block(id: string, section: Block['section'], level: number, children: readonly Block[] = []): Block {
  const kind = children.length > 0 ? 'stage' : 'resnet';
  const cost = { parameters: 10, bytes: 40, macs: 100 };
  return { id, kind, section, level, depth: 0, droppable: true, rewires: [], children, ...cost };
}

const layers = (id: string, section: Block['section'], level: number) =>
  block(id, section, level, [block(`${id}.resnets.0`, section, level), block(`${id}.resnets.1`, section, level)]);

const blocks = [
  block('conv_in', 'in', 0),
  layers('down_blocks.0', 'down', 0),
  layers('down_blocks.1', 'down', 1),
  layers('mid_block', 'mid', 1),
  layers('up_blocks.0', 'up', 1),
  layers('up_blocks.1', 'up', 0),
];
const totals = { nodes: 50, parameters: 1000, bytes: 4000, macs: 5000 };
const tree: BlockTree = { latentInput: 'sample', blocks, groups: [], totals, notes: [] };

const ball = (speed: number) => drawClip(4, 32, 32, (x, y, t) => grey(200 * disc(x, y, 8 + speed * t, 16, 5) + 20));
const comparison = compareClips(ball(3), ball(1));

const content: ReportContent = {
  model: 'tiny <b>model</b>',
  fingerprint: 'abcdef0123456789',
  madeAt: '2026-01-02T03:04:05.000Z',
  version: 'VDMini Studio 0',
  tree,
  settings: [{ name: 'prompt', value: '<script>alert("1")</script>' }],
  machine: [{ name: 'processor', value: 'A & B' }],
  students: [
    {
      name: "o'cut",
      dropped: ['mid_block'],
      gone: ['mid_block', 'mid_block.resnets.0', 'mid_block.resnets.1'],
      totals: { teacher: totals, student: { nodes: 40, parameters: 600, bytes: 2400, macs: 4000 } },
    },
  ],
  pairs: [{ reference: 'teacher', candidate: "o'cut", figures: figuresOfClip(comparison, 8.765), worst: [] }],
  scenes: [],
  importance: { about: 'Damage.', units: [{ id: 'mid_block', content: 1, motion: 3 }] },
  commands: ['vdmini report FOLDER'],
  notes: [],
};

describe('renderReport', () => {
  const page = renderReport(content);

  it('escapes all that it was given', () => {
    expect(page).not.toContain('<script');
    expect(page).not.toContain('<b>model');
    expect(page).toContain('&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62;');
    expect(page).toContain('A &#38; B');
  });

  it('fetches nothing', () => {
    expect(page).not.toMatch(/https?:|url\(|@import|<link|<iframe/);
    expect(page).toContain(`default-src 'none'; img-src data:`);
  });

  it('draws every layer, and crosses out those that are gone', () => {
    expect(page.match(/class="cell on"/g)).toHaveLength(9);
    expect(page.match(/class="cell off"/g)).toHaveLength(2);
    expect(page).toContain('2 of 11 layers are dropped');
  });

  it('tells figures, cost, importance and the way to repeat it', () => {
    for (const text of ['8.77', '60.0 %', '80.0 %', 'content 1, motion 3', 'vdmini report FOLDER', '{&#34;dropped'])
      expect(page).toContain(text);
  });

  it('tells the statistics of many clips, the worst first', () => {
    const equal = compareClips(ball(3), ball(3));
    const summary = summariseComparisons([equal, comparison]);
    const worst = summary.worstFirst.map((place) => ({
      prompt: `prompt ${place}`,
      seed: place,
      meanSquaredError: [equal, comparison][place]!.meanSquaredError,
    }));
    const many = renderReport({
      ...content,
      pairs: [{ ...content.pairs[0]!, figures: figuresOfMany(summary), worst }],
    });
    expect(many).toContain('95 % of the mean');
    expect(many.indexOf('“prompt 1”')).toBeLessThan(many.indexOf('“prompt 0”'));
  });
});
