import { describe, expect, it } from 'vitest';
import { readResults, resultName } from './gridStorage';
import { readShelves, type ShelvedStudent, withShelf } from './shelfStorage';

const student = (change: Partial<ShelvedStudent> = {}): ShelvedStudent => ({
  id: '1',
  name: 'Gentle',
  dropped: ['mid_block'],
  weights: 'original',
  macs: 0.7,
  parameters: null,
  figures: { prompt: 'a cat', seed: 1, psnr: null, errorContent: 1, errorMotion: 2 },
  thumbnail: null,
  ...change,
});

describe('the shelf in storage', () => {
  it('survives a round trip, by model', () => {
    const shelves = withShelf(withShelf({}, 'a', [student()]), 'b', [student({ id: '2', name: 'Other' })]);
    expect(readShelves(JSON.stringify(shelves))).toEqual(shelves);
    expect(Object.keys(withShelf(shelves, 'a', [student()]))).toEqual(['b', 'a']);
  });

  it('keeps the models that were used last, and none without students', () => {
    let shelves = {};
    for (let model = 0; model < 12; model++) shelves = withShelf(shelves, `m${model}`, [student()]);
    expect(Object.keys(shelves)).toEqual(['m4', 'm5', 'm6', 'm7', 'm8', 'm9', 'm10', 'm11']);
    expect(Object.keys(withShelf(withShelf({}, 'a', []), 'b', [student()]))).toEqual(['b']);
  });

  it('leaves out what is no student', () => {
    const bad = [
      null,
      3,
      { ...student(), dropped: 'all' },
      { ...student(), macs: 'x' },
      { ...student(), thumbnail: 'https://elsewhere/picture.png' },
      { ...student(), figures: { prompt: 1 } },
      { ...student(), name: 'a'.repeat(1000) },
    ];
    expect(readShelves(JSON.stringify({ a: [...bad, student()] }))).toEqual({ a: [student()] });
    for (const text of [null, '', '[]', '3', 'null', '{"a":3}']) expect(readShelves(text)).toEqual({});
  });
});

describe('results of a batch in storage', () => {
  const settings = { prompt: 'a cat', seed: 1, steps: 4, guidance: 1 };
  const figures = {
    psnr: 30,
    ssim: 1,
    errorContent: 1,
    errorMotion: 2,
    meanSquaredError: 3,
    motionDelta: null,
    flowEpe: 0,
  };

  it('are named by model, student and every setting', () => {
    const name = (change: object, variant = '[]') => resultName('m', variant, { ...settings, ...change });
    const names = [
      name({}),
      name({ seed: 2 }),
      name({ steps: 5 }),
      name({ guidance: 2 }),
      name({ prompt: 'b' }),
      name({}, '[1]'),
      resultName('m', '[]', settings, '16x32x32'),
      resultName('m', '[]', settings, '8x32x32'),
    ];
    expect(new Set(names).size).toBe(names.length);
  });

  it('keep identical as identical, and leave out what is none', () => {
    const text = JSON.stringify([
      { name: 'a', figures: { ...figures, psnr: Infinity } },
      { name: 'b' },
      null,
      { name: 'c', figures: { ...figures, ssim: null } },
    ]);
    expect(readResults(text)).toEqual([{ name: 'a', figures: { ...figures, psnr: Infinity } }]);
    expect(readResults('{')).toEqual([]);
  });
});
