/** VBench's formulas on clips whose scores are known, against numbers that were worked out by hand. */
import { describe, expect, it } from 'vitest';
import { disc, drawClip, grey, texture } from '../testing/clips';
import { warpingError } from '../warpingError';
import { dynamicDegree, framesLookedAt } from './dynamicDegree';
import { frameConsistency } from './frameConsistency';
import { motionSmoothness } from './motionSmoothness';
import { videoScores } from './videoScores';

describe('frame consistency', () => {
  it('is the mean of both cosines, none below zero', () => {
    const rows = [
      [1, 0],
      [0, 2],
      [0, -3],
    ];
    // second: 0 and 0; third: max(0, -1) and 0
    expect(frameConsistency(rows)).toBe(0);
    const half = [
      [1, 0],
      [1, 1],
      [3, 0],
    ];
    const diagonal = Math.SQRT1_2;
    expect(frameConsistency(half)).toBeCloseTo((diagonal + (diagonal + 1) / 2) / 2, 12);
    expect(frameConsistency([[1, 2]])).toBe(1);
  });
});

describe('dynamic degree', () => {
  it('looks at eight frames a second', () => {
    expect(framesLookedAt(5, 8)).toEqual([0, 1, 2, 3, 4]);
    expect(framesLookedAt(7, 24)).toEqual([0, 3, 6]);
    expect(framesLookedAt(3, 4)).toEqual([0, 1, 2]);
  });

  it('needs round(4 N / 16) pairs that move far', () => {
    const pairs = (far: number) => Array.from({ length: 15 }, (_, i) => (i < far ? 6.1 : 5.9));
    expect([dynamicDegree(pairs(3), 16, 8), dynamicDegree(pairs(4), 16, 8)]).toEqual([false, true]);
    expect(dynamicDegree(pairs(15), 16, 4)).toBe(false); // at half the rate a pair has to move twice as far
    expect(dynamicDegree(pairs(2).slice(0, 9), 10, 8)).toBe(true); // Python's round(2.5) is 2
  });
});

describe('motion smoothness', () => {
  it('is (255 - mean error of the foretold frames) / 255', async () => {
    const clip = drawClip(5, 4, 3, (_x, _y, t) => grey(10 * t));
    const exact = await motionSmoothness(clip, (_, t) => new Float32Array(36).fill(10 * (t + 1)));
    expect(exact).toBe(1);
    const off = await motionSmoothness(clip, () => new Float32Array(36).fill(0)); // frames 1 and 3: off by 10 and 30
    expect(off).toBeCloseTo((255 - 20) / 255, 12);
  });

  it('by the flow: a steady motion is smooth, one that stops and goes is not', async () => {
    const moving = (at: (t: number) => number) => drawClip(5, 32, 32, (x, y, t) => grey(texture(x - at(t), y)));
    const steady = await motionSmoothness(moving((t) => t));
    const jerky = await motionSmoothness(moving((t) => 2 * Math.floor((t + 1) / 2)));
    expect(steady).toBeGreaterThan(0.99);
    expect(jerky).toBeLessThan(steady - 0.02);
  });
});

describe('warping error', () => {
  it('is near nothing for what moves, and what flickers for what stands', async () => {
    const moving = drawClip(4, 32, 32, (x, y, t) => grey(texture(x - t, y)));
    const still = moving.pixels.length / 4;
    const replaced = drawClip(4, 32, 32, (x, y, t) => grey(t % 2 === 0 ? texture(x, y) : 255 - texture(x, y)));
    const moved = (await warpingError(moving))!;
    expect(moved).toBeLessThan(30);
    expect((await warpingError(replaced))!).toBeGreaterThan(20 * moved);
    expect(await warpingError({ ...moving, frameCount: 1, pixels: moving.pixels.slice(0, still) })).toBeNull();
  });
});

it('scores name what they looked with, and models of the person come before the own flow', async () => {
  const clip = drawClip(4, 32, 32, (x, y, t) => grey(200 * disc(x, y, 8 + 3 * t, 16, 5) + 20));
  const own = await videoScores(clip, 8);
  expect(own.by.flow).toContain('proxy');
  expect(own.frameConsistency).toBeUndefined();
  const area = 32 * 32;
  const far = { width: 32, height: 32, u: new Float32Array(area).fill(1), v: new Float32Array(area) };
  const given = await videoScores(clip, 8, {
    flow: { name: 'f.onnx', between: async () => far },
    midpoint: { name: 'm.onnx', of: () => new Float32Array(3 * area) },
    features: { name: 'd.onnx', rowsOf: async () => [[1], [1], [1], [1]] },
  });
  expect(given.by).toEqual({ flow: 'f.onnx', midpoint: 'm.onnx', features: 'd.onnx' });
  expect([given.motionMagnitude, given.dynamicDegree, given.frameConsistency]).toEqual([8, true, 1]);
  expect(given.temporalFlickering).toBe(own.temporalFlickering);
});
