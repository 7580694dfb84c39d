/** Spread and order against answers that were worked out by hand (and numpy's ddof=1). */
import { describe, expect, it } from 'vitest';
import { type ClipFigures, figuresOf, spreadOf, worstFirst } from './clipFigures';
import { compareClips } from './compareClips';
import { drawClip, grey, texture } from './testing/clips';

const clip = (change: Partial<ClipFigures>): ClipFigures => ({
  psnr: 30,
  ssim: 1,
  errorContent: 0,
  errorMotion: 0,
  meanSquaredError: 0,
  motionDelta: 0,
  flowEpe: 0,
  ...change,
});

describe('the figures of a comparison', () => {
  it('are those of a planted error: 3 levels everywhere, and 4 that change sign from frame to frame', () => {
    const reference = drawClip(4, 32, 32, (x, y) => grey(texture(x, y)));
    const candidate = drawClip(4, 32, 32, (x, y, t) => grey(Math.round(texture(x, y)) + 3 + (t % 2 === 0 ? 4 : -4)));
    const figures = figuresOf(compareClips(reference, candidate));
    expect(figures.errorContent).toBeCloseTo(9, 1);
    expect(figures.errorMotion).toBeCloseTo(16, 1);
    expect(figures.meanSquaredError).toBeCloseTo(figures.errorContent + figures.errorMotion, 10);
    expect(figures.psnr).toBeCloseTo(10 * Math.log10(255 ** 2 / figures.meanSquaredError), 10);
    expect(figures.motionDelta).toBeNull();
  });
});

describe('the spread', () => {
  it('has mean, sample deviation, median, worst and best', () => {
    const spread = spreadOf(
      [2, 4, 4, 4, 5, 5, 7, 9].map((psnr) => clip({ psnr })),
      'psnr',
    )!;
    expect(spread).toMatchObject({ count: 8, leftOut: 0, mean: 5, median: 4.5, worst: 2, best: 9 });
    expect(spread.standardDeviation).toBeCloseTo(2.13809, 5);
  });

  it('takes the largest error as the worst, and leaves out what has no value', () => {
    const clips = [clip({ motionDelta: 0.5 }), clip({ motionDelta: null }), clip({ motionDelta: 0.1 })];
    expect(spreadOf(clips, 'motionDelta')).toMatchObject({ count: 2, leftOut: 1, mean: 0.3, worst: 0.5, best: 0.1 });
    expect(spreadOf([clip({ psnr: Infinity })], 'psnr')).toBeNull();
    expect(spreadOf([clip({ psnr: 20 })], 'psnr')).toMatchObject({ standardDeviation: 0, median: 20 });
  });
});

describe('worst first', () => {
  it('puts low PSNR and high errors first, identical clips and undefined figures last', () => {
    const clips = [clip({ psnr: Infinity }), clip({ psnr: 20 }), clip({ psnr: 40 }), clip({ psnr: 20 })];
    expect(worstFirst(clips, 'psnr')).toEqual([1, 3, 2, 0]);
    const moving = [clip({ motionDelta: 0.2 }), clip({ motionDelta: null }), clip({ motionDelta: 0.9 })];
    expect(worstFirst(moving, 'motionDelta')).toEqual([2, 0, 1]);
  });
});
