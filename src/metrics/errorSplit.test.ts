/** The content / motion split: exact, additive, and telling the two apart where the answer is known. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latentErrorSplit, splitError } from './errorSplit';

const layouts = fc.record({
  groups: fc.integer({ min: 1, max: 3 }),
  frames: fc.integer({ min: 1, max: 6 }),
  inner: fc.integer({ min: 1, max: 5 }),
});

describe('the content / motion split', () => {
  it('is additive and equals its definition', () => {
    const cases = layouts.chain((layout) => {
      const length = layout.groups * layout.frames * layout.inner;
      const values = fc.float32Array({ minLength: length, maxLength: length, noNaN: true, min: -1000, max: 1000 });
      return fc.tuple(fc.constant(layout), values, values);
    });
    fc.assert(
      fc.property(cases, ([layout, reference, candidate]) => {
        const split = latentErrorSplit(reference, candidate, layout);
        const squares = Array.from(reference, (value, i) => (candidate[i]! - value) ** 2);
        const total = squares.reduce((sum, square) => sum + square, 0) / squares.length;
        const precision = 1e-9 * (1 + total);
        expect(Math.abs(split.total - total)).toBeLessThan(precision);
        expect(Math.abs(split.content + split.motion - split.total)).toBeLessThan(precision);
        const meanMotion = split.motionPerFrame.reduce((sum, value) => sum + value, 0) / layout.frames;
        expect(Math.abs(meanMotion - split.motion)).toBeLessThan(precision);
      }),
    );
  });

  it('calls a constant offset content and a zero-mean change motion', () => {
    const layout = { groups: 1, frames: 4, inner: 2 };
    expect(splitError(Int16Array.of(3, 3, 3, 3, 3, 3, 3, 3), layout)).toEqual({
      total: 9,
      content: 9,
      motion: 0,
      motionPerFrame: [0, 0, 0, 0],
    });
    expect(splitError(Int16Array.of(2, -2, -2, 2, 2, -2, -2, 2), layout)).toEqual({
      total: 4,
      content: 0,
      motion: 4,
      motionPerFrame: [4, 4, 4, 4],
    });
  });

  it('reads both layouts of a latent: the split does not depend on how the axes are stored', () => {
    const [channels, frames, pixels] = [2, 3, 4];
    const value = (c: number, t: number, i: number) => Math.sin(1 + c * 31 + t * 7 + i);
    const channelFirst = new Float32Array(channels * frames * pixels);
    const frameFirst = new Float32Array(channelFirst.length);
    for (let c = 0; c < channels; c++) {
      for (let t = 0; t < frames; t++) {
        for (let i = 0; i < pixels; i++) {
          channelFirst[(c * frames + t) * pixels + i] = value(c, t, i);
          frameFirst[(t * channels + c) * pixels + i] = value(c, t, i);
        }
      }
    }
    const zero = new Float32Array(channelFirst.length);
    const a = latentErrorSplit(zero, channelFirst, { groups: channels, frames, inner: pixels });
    const b = latentErrorSplit(zero, frameFirst, { groups: 1, frames, inner: channels * pixels });
    expect(a.content).toBeCloseTo(b.content, 12);
    expect(a.motion).toBeCloseTo(b.motion, 12);
  });
});
