/** PSNR and SSIM against scikit-image 0.26 (`peak_signal_noise_ratio`, `structural_similarity`). */
import { describe, expect, it } from 'vitest';
import { clipError } from './clipError';
import { lumaFrames } from './luma';
import { psnrPerFrame } from './psnr';
import { ssim } from './ssim';
import { type Colour, drawClip, grey } from './testing/clips';

const pattern =
  (strength: number) =>
  (x: number, y: number): Colour => {
    const channel = (c: number) => {
      const base = (x * 5 + y * 3 * (c + 1) + Math.floor((x * y * (c + 2)) / 7)) % 256;
      return (base + strength * ((x * 7 + y * 13 + c * 29) % 31)) % 256;
    };
    return [channel(0), channel(1), channel(2)];
  };

/**
 * structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255) on
 * BT.601 luma; peak_signal_noise_ratio(a, b, data_range=255) on RGB.
 */
const reference = [
  { width: 64, height: 64, strength: 1, ssim: 0.564244928498, psnr: 12.792356786378 },
  { width: 64, height: 64, strength: 3, ssim: 0.143220530467, psnr: 8.775721110172 },
  { width: 37, height: 23, strength: 1, ssim: 0.522266419111, psnr: 14.118634037159 },
  { width: 37, height: 23, strength: 3, ssim: 0.108260775722, psnr: 9.305850081482 },
  { width: 11, height: 11, strength: 1, ssim: 0.882146721781, psnr: 23.320011488147 },
  { width: 11, height: 11, strength: 3, ssim: 0.429647490931, psnr: 13.577676862661 },
];

describe('PSNR and SSIM', () => {
  it.each(reference)('equal scikit-image at $width x $height, strength $strength', (expected) => {
    const a = drawClip(1, expected.width, expected.height, pattern(0));
    const b = drawClip(1, expected.width, expected.height, pattern(expected.strength));
    expect(psnrPerFrame(clipError(a, b))[0]).toBeCloseTo(expected.psnr, 9);
    expect(ssim(lumaFrames(a)[0]!, lumaFrames(b)[0]!)).toBeCloseTo(expected.ssim, 6);
  });

  it('are per frame, and identical frames are Infinity dB and 1', () => {
    const a = drawClip(2, 16, 16, pattern(0));
    const b = drawClip(2, 16, 16, (x, y, t) => pattern(t)(x, y));
    expect(psnrPerFrame(clipError(a, b))[0]).toBe(Infinity);
    expect(psnrPerFrame(clipError(a, b))[1]).toBeLessThan(60);
    expect(ssim(lumaFrames(a)[0]!, lumaFrames(b)[0]!)).toBe(1);
  });

  it('takes a smaller window on frames smaller than it', () => {
    const a = lumaFrames(drawClip(1, 8, 4, pattern(0)))[0]!;
    const b = lumaFrames(drawClip(1, 8, 4, pattern(2)))[0]!;
    expect(ssim(a, a)).toBe(1);
    expect(ssim(a, b)).toBeGreaterThan(-1);
    expect(ssim(a, b)).toBeLessThan(1);
  });

  it('refuses clips of different sizes', () => {
    const a = drawClip(1, 8, 8, () => grey(0));
    expect(() =>
      clipError(
        a,
        drawClip(2, 8, 8, () => grey(0)),
      ),
    ).toThrow('different sizes');
    expect(() => clipError(a, { ...a, width: 9 })).toThrow('as many pixels');
  });
});
