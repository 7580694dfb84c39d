/** ColorVideoVDP against the PyPI package `cvvdp` on clips that training/reference/color_video_vdp.py draws alike. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Clip } from '../Clip';
import { type Colour, drawClip } from '../testing/clips';
import { colorVideoVdp } from './colorVideoVdp';
import type { DisplayName } from './parameters';

interface Case {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  readonly framesPerSecond: number;
  readonly how: string;
  readonly strength: number;
  readonly display: DisplayName;
  /** Of all bytes of the two clips. */
  readonly sums: readonly [number, number];
  readonly jod: number;
}

/** The large ones take most of the time: in the full tests alone. */
const isSmall = ({ width }: Case) => width < 200;
const cases = (
  JSON.parse(readFileSync(`${import.meta.dirname}/fixtures/clips.json`, 'utf8')) as readonly Case[]
).filter((one) => isSmall(one) || process.env['VDMINI_FULL'] !== undefined);

const triangle = (value: number, period: number) =>
  Math.floor((Math.abs((value % (2 * period)) - period) * 255) / period);

/** Triangle waves, and a red disc that goes from left to right. */
function referenceClip({ frames, height, width }: Case): Clip {
  const radius = Math.floor(Math.min(width, height) / 5);
  return drawClip(frames, width, height, (x, y, t) => {
    const middle = Math.floor(width / 4) + Math.floor((Math.floor(width / 2) * t) / frames);
    if ((x - middle) ** 2 + (y - Math.floor(height / 2)) ** 2 <= radius ** 2) return [220, 60, 40];
    const channel = (c: number) => Math.floor((triangle(x * 3 + c * 40, 97) + triangle(y * 4 + c * 17 + x, 61)) / 2);
    return [channel(0), channel(1), channel(2)];
  });
}

function scattered(x: number, y: number, t: number, c: number): number {
  let h = Math.imul(x, 73856093) ^ Math.imul(y, 19349663) ^ Math.imul(t, 83492791) ^ Math.imul(c, 2654435761);
  h ^= h >>> 13;
  h = Math.imul(h, 1274126177);
  return (h ^ (h >>> 16)) >>> 0;
}

function distortedClip(clip: Clip, { how, strength: s, frames, height, width }: Case): Clip {
  const at = (x: number, y: number, t: number, c: number) => {
    const column = Math.min(width - 1, Math.max(0, x));
    const row = Math.min(height - 1, Math.max(0, y));
    return clip.pixels[((t * height + row) * width + column) * 4 + c]!;
  };
  const blur = (x: number, y: number, t: number, c: number) => {
    let sum = 0;
    for (let dy = -s; dy <= s; dy++) for (let dx = -s; dx <= s; dx++) sum += at(x + dx, y + dy, t, c);
    return Math.floor(sum / (2 * s + 1) ** 2);
  };
  const ways: Record<string, (x: number, y: number, t: number, c: number) => number> = {
    identical: at,
    noise: (x, y, t, c) => at(x, y, t, c) + (scattered(x, y, t, c) % (2 * s + 1)) - s,
    blur,
    flicker: (x, y, t, c) => at(x, y, t, c) + (t % 2 === 0 ? -s : s),
    shift: (x, y, t, c) => at(x - s, y, t, c),
    tint: (x, y, t, c) => at(x, y, t, c) + [s, 0, -s][c]!,
    brighter: (x, y, t, c) => at(x, y, t, c) + s,
    frozen: (x, y, _t, c) => at(x, y, 0, c),
  };
  return drawClip(
    frames,
    width,
    height,
    (x, y, t) => [0, 1, 2].map((c) => ways[how]!(x, y, t, c)) as unknown as Colour,
  );
}

const sumOf = ({ pixels }: Clip) => pixels.reduce((sum, value, i) => (i % 4 === 3 ? sum : sum + value), 0);

describe('ColorVideoVDP', () => {
  it.each(cases)(
    '$how $strength, $frames frames of $width x $height at $framesPerSecond on $display: $jod',
    async (one) => {
      const reference = referenceClip(one);
      const candidate = distortedClip(reference, one);
      expect([sumOf(reference), sumOf(candidate)]).toEqual(one.sums);
      const { framesPerSecond, display } = one;
      const { jod } = await colorVideoVdp(reference, candidate, { framesPerSecond, display });
      expect(Math.abs(jod - one.jod)).toBeLessThan(0.005);
    },
  );

  it('gives way after every frame, and ends when told to', async () => {
    const clip = referenceClip(cases[0]!);
    let frames = 0;
    const pause = async () => {
      if (++frames === 3) throw new DOMException('enough', 'AbortError');
    };
    await expect(colorVideoVdp(clip, clip, { framesPerSecond: 8, pause })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(frames).toBe(3);
  });
});
