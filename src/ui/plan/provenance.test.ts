import { describe, expect, it } from 'vitest';
import type { Block, BlockTree } from '../../blocks/block';
import type { OpenedPipeline } from '../../worker/protocol';
import { studioVersion } from '../version';
import { cutName, describeCut } from './cut';
import { readPlan } from './planFile';
import { csvHeader, fileStem, planFileText, provenanceOf } from './provenance';

const leaf = (id: string): Block => ({
  id,
  kind: 'layer',
  section: 'body',
  level: 0,
  depth: 0,
  parameters: 1,
  bytes: 1,
  macs: 1,
  droppable: true,
  rewires: [],
  children: [],
});
const tree: BlockTree = {
  latentInput: 'x',
  blocks: [{ ...leaf('pair'), kind: 'pair', children: [leaf('pair.a'), leaf('pair.b')] }, leaf('c'), leaf('d')],
  groups: [],
  notes: [],
  totals: { nodes: 0, parameters: 4, bytes: 4, macs: 4 },
};
const open = {
  description: { name: 'emoji/t2v.onnx' },
  presets: [{ id: 'vdmini', label: '', description: '', plan: { dropped: ['pair', 'c'] } }],
  tree,
  fingerprint: 'abc',
} as unknown as OpenedPipeline & { readonly fingerprint: string };
const settings = { prompt: 'a red "apple", on fire', seed: 3, steps: 4, guidance: 2 };

describe('what a cut is called', () => {
  it('counts layers and the groups that they went in', () => {
    expect(describeCut(tree, { dropped: ['pair'] })).toBe('2 layers in 1 group');
    expect(describeCut(tree, { dropped: ['pair', 'c'] })).toBe('3 layers in 1 group and 1 single layer');
    expect(describeCut(tree, { dropped: ['c'] })).toBe('1 layer');
  });

  it('goes by the preset where it is one', () => {
    expect(cutName(open, { dropped: [] })).toBe('teacher');
    expect(cutName(open, { dropped: ['c', 'pair.a', 'pair.b'] })).toBe('vdmini');
    expect(cutName(open, { dropped: ['c'] })).toBe('without-1-layer');
  });
});

describe('files that leave the page', () => {
  it('have names that say model, cut, prompt, settings and version', () => {
    expect(fileStem(open, { dropped: ['c'] }, settings)).toBe(
      `emoji-t2v-without-1-layer-red-apple-fire-seed3-steps4-guidance2-v${studioVersion}`,
    );
    expect(fileStem(open, { dropped: ['c'] }, settings, 'healed', '', 'decoder')).toBe(
      `emoji-t2v-without-1-layer-red-apple-fire-seed3-steps4-guidance2-healed-decoder-v${studioVersion}`,
    );
  });

  it('hold them too: a plan file reads back as its plan', () => {
    const text = planFileText(provenanceOf(open, { dropped: ['c'] }, settings));
    expect(readPlan(text, 'p.json', tree).plan).toEqual({ dropped: ['c'] });
    expect(JSON.parse(text)).toMatchObject({ model: 'emoji/t2v.onnx', fingerprint: 'abc', settings });
  });

  it('say what the clip begins with', () => {
    const image = {
      key: 'f00d',
      name: 'pictures/red-apple.png',
      width: 1,
      height: 1,
      pixels: new Uint8ClampedArray(4),
    };
    const begun = { ...settings, prompt: '', image };
    expect(fileStem(open, { dropped: ['c'] }, begun)).toContain('-without-1-layer-red-apple-seed3-');
    const provenance = provenanceOf(open, { dropped: ['c'] }, begun);
    expect(csvHeader(provenance)).toContain('# picture,"pictures/red-apple.png"\n# picture_sha256,"f00d"\n');
    expect(JSON.parse(planFileText(provenance))).toMatchObject({
      settings: { picture: { name: 'pictures/red-apple.png', sha256: 'f00d' } },
    });
  });

  it('quote what is text in a CSV, one line each', () => {
    const header = csvHeader(provenanceOf(open, { dropped: ['c', 'd'] }, { ...settings, prompt: 'two\nlines "x"' }));
    expect(header).toContain('# prompt,"two lines ""x"""\n');
    expect(header).toContain('# dropped,"c d"\n# prompt');
    expect(
      header
        .trimEnd()
        .split('\n')
        .every((line) => line.startsWith('# ')),
    ).toBe(true);
  });
});
