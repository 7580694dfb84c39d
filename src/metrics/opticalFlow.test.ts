/** Optical flow against motion that is known: shifts, whole and sub-pixel, objects on still backgrounds. */
import { describe, expect, it } from 'vitest';
import type { Plane } from './luma';
import { type Flow, opticalFlow } from './opticalFlow';
import { pyramid } from './pyramid';
import { disc, texture } from './testing/clips';

const size = 64;

function plane(value: (x: number, y: number) => number, width = size, height = size): Plane {
  return {
    width,
    height,
    values: Float32Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width))),
  };
}

const flowBetween = (a: Plane, b: Plane) => opticalFlow(pyramid(a), pyramid(b));

/** Mean distance to (dx, dy) over the pixels that `where` picks. */
function endPointError(flow: Flow, dx: number, dy: number, where: (x: number, y: number) => boolean): number {
  let sum = 0;
  let count = 0;
  flow.u.forEach((u, i) => {
    if (!where(i % flow.width, Math.floor(i / flow.width))) return;
    sum += Math.hypot(u - dx, flow.v[i]! - dy);
    count++;
  });
  return sum / count;
}

const interior = (x: number, y: number) => Math.min(x, y, size - 1 - x, size - 1 - y) >= 10;

describe('optical flow', () => {
  it.each([
    [0.1, 0],
    [0.25, 0],
    [0.5, -0.5],
    [1, 0],
    [1.3, 0.7],
    [3, -2],
    [-5, 4],
    [0, 7],
  ])('finds a shift of (%d, %d) pixels to 0.05', (dx, dy) => {
    const flow = flowBetween(
      plane(texture),
      plane((x, y) => texture(x - dx, y - dy)),
    );
    expect(endPointError(flow, dx, dy, interior)).toBeLessThan(0.05);
  });

  it('is exactly zero between equal frames', () => {
    const flow = flowBetween(plane(texture), plane(texture));
    expect([...flow.u, ...flow.v].every((value) => value === 0)).toBe(true);
  });

  it.each([
    ['flat', () => 40],
    ['graded', (_x: number, y: number) => 20 + y * 1.5],
  ])('moves the object and not its %s background', (_name, background) => {
    const scene = (cx: number) =>
      plane((x, y) => {
        const cover = disc(x, y, cx, 30, 11);
        return cover * (180 + 50 * Math.sin((x - cx) * 0.6) * Math.cos(y * 0.5)) + (1 - cover) * background(x, y);
      });
    for (const step of [1, 2, 4]) {
      const flow = flowBetween(scene(25), scene(25 + step));
      expect(endPointError(flow, step, 0, (x, y) => Math.hypot(x - 25, y - 30) < 10)).toBeLessThan(0.1);
      expect(endPointError(flow, 0, 0, (x, y) => Math.hypot(x - 25, y - 30) > 18)).toBeLessThan(0.1);
    }
  });

  it('finds no motion in flat frames, whether or not they change in brightness', () => {
    const flow = flowBetween(
      plane(() => 40),
      plane(() => 90),
    );
    expect([...flow.u, ...flow.v].every((value) => value === 0)).toBe(true);
  });

  it('finds no motion in rounding noise', () => {
    const noise = (seed: number) => (x: number, y: number) =>
      Math.round(100 + 0.4 * Math.sin(seed + x * 91.7 + y * 47.3));
    const flow = flowBetween(plane(noise(1)), plane(noise(2)));
    expect([...flow.u, ...flow.v].every((value) => value === 0)).toBe(true);
  });

  it.each([
    [1, 1],
    [2, 9],
    [33, 25],
    [97, 30],
  ])('takes a frame of %d x %d', (width, height) => {
    const flow = flowBetween(
      plane(texture, width, height),
      plane((x, y) => texture(x - 1, y), width, height),
    );
    expect(flow.u.length).toBe(width * height);
    expect(flow.u.every(Number.isFinite) && flow.v.every(Number.isFinite)).toBe(true);
  });
});
