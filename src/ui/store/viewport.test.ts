import { describe, expect, it } from 'vitest';
import { panBy, transformOf, type Viewport, wholeClip, zoomAt } from './viewport';

const whole: Viewport = { ...wholeClip, swapped: false };
/** The clip's point (0..1) that is drawn at a point of the frame (0..1). */
const seen = ({ scale, x, y }: Viewport, at: readonly [number, number]) => [
  x + (at[0] - 0.5) / scale,
  y + (at[1] - 0.5) / scale,
];

describe('zoom and pan', () => {
  it('keeps the point under the pointer', () => {
    const at = [0.3, 0.6] as const;
    const first = zoomAt(whole, 3, ...at);
    const second = zoomAt(first, 1.7, 0.55, 0.4);
    expect(seen(first, at)[0]).toBeCloseTo(0.3, 10);
    expect(seen(first, at)[1]).toBeCloseTo(0.6, 10);
    expect(seen(second, [0.55, 0.4])[0]).toBeCloseTo(seen(first, [0.55, 0.4])[0]!, 10);
  });

  it('shows no empty border and never less than the whole', () => {
    expect(zoomAt(whole, 0.2, 0, 0)).toEqual(whole);
    const far = panBy(zoomAt(whole, 4, 0.5, 0.5), 10, -10);
    expect(seen(far, [0, 0])[0]).toBeCloseTo(0, 10);
    expect(seen(far, [1, 1])[1]).toBeCloseTo(1, 10);
    expect(zoomAt(zoomAt(whole, 9, 0.9, 0.9), 1 / 9, 0.1, 0.1)).toEqual(whole);
  });

  it('moves with the pointer: half a frame is half of what is seen', () => {
    const zoomed = zoomAt(whole, 4, 0.5, 0.5);
    expect(seen(panBy(zoomed, 0.25, 0), [0.75, 0.5])[0]).toBeCloseTo(seen(zoomed, [0.5, 0.5])[0]!, 10);
  });

  it('is no transform at all for the whole clip', () => {
    expect(transformOf(whole)).toBeUndefined();
    expect(transformOf(zoomAt(whole, 2, 0, 0))).toBe('scale(2) translate(25%, 25%)');
  });
});
