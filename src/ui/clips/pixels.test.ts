import { describe, expect, it } from 'vitest';
import { clipHash, difference, fittingZoom } from './pixels';

const clip = (fill: number) => ({ frameCount: 1, width: 2, height: 1, pixels: new Uint8ClampedArray(8).fill(fill) });

describe('pixels', () => {
  it('hashes equal clips equally and others not', () => {
    expect(clipHash(clip(7))).toBe(clipHash(clip(7)));
    expect(clipHash(clip(7))).not.toBe(clipHash(clip(8)));
    expect(clipHash({ ...clip(0), pixels: new Uint8ClampedArray(0) })).toBe('811c9dc5'); // FNV-1a of nothing
  });

  it('shows differences opaque, amplified and clamped', () => {
    const a = new Uint8ClampedArray([10, 200, 0, 255]);
    const b = new Uint8ClampedArray([14, 100, 0, 255]);
    expect([...difference(a, b, 4)]).toEqual([16, 255, 0, 255]);
  });

  it('zooms by whole numbers where there is room', () => {
    expect(fittingZoom({ width: 700, height: 330 }, { width: 64, height: 64 }, 2, 16)).toBe(5);
    expect(fittingZoom({ width: 512, height: 512 }, { width: 1024, height: 576 }, 1, 0)).toBe(0.5);
  });
});
