/** The whole comparison on clips whose content and motion are known, and its CSV. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareClips } from './compareClips';
import { metricsCsv } from './metricsCsv';
import { disc, drawClip, grey, texture } from './testing/clips';

/** A textured disc that moves `speed` pixels a frame to the right. */
const ball = (speed: number, options: { frames?: number; offset?: number } = {}) =>
  drawClip(options.frames ?? 8, 48, 48, (x, y, t) => {
    const cx = 14 + speed * t;
    const cover = disc(x, y, cx, 24, 9);
    return grey(cover * texture(x - cx, y) + (1 - cover) * 30 + (options.offset ?? 0));
  });

const still = ball(0);
const reference = ball(2);

describe('compareClips', () => {
  it('says identical for a clip and itself', () => {
    const { content, motion, meanSquaredError } = compareClips(reference, reference);
    expect(new Set(content.psnrPerFrame)).toEqual(new Set([Infinity]));
    expect(new Set(content.ssimPerFrame)).toEqual(new Set([1]));
    expect([meanSquaredError, content.errorContent, motion.errorMotion, motion.motionDelta]).toEqual([0, 0, 0, 0]);
    expect(new Set(motion.flowEpePerTransition)).toEqual(new Set([0]));
    expect(motion.flowMagnitudeRatio).toBe(1);
    expect(motion.flowDirectionCosine).toBeCloseTo(1, 12);
    expect(motion.flicker.reference).toBe(motion.flicker.candidate);
  });

  it('charges a change of brightness to content alone', () => {
    const { content, motion } = compareClips(reference, ball(2, { offset: 10 }));
    expect(content.errorContent).toBeCloseTo(100, 9);
    expect(motion.errorMotion).toBeCloseTo(0, 9);
    expect(motion.motionDelta).toBeCloseTo(0, 9);
    expect(Math.max(...motion.flowEpePerTransition)).toBeLessThan(0.01);
  });

  it('charges a frozen candidate to motion', () => {
    const { motion } = compareClips(reference, still);
    expect(motion.motionDelta).toBe(1);
    expect(motion.flowMagnitudeRatio).toBe(0);
    expect(motion.flowDirectionCosine).toBeNull();
    expect(motion.flicker.candidate).toBe(1);
    expect(motion.flicker.reference).toBeLessThan(1);
    expect(motion.motionMagnitude.candidate).toBe(0);
  });

  it('measures speed: half the motion, the same direction; then the opposite one', () => {
    const half = compareClips(reference, ball(1)).motion;
    expect(half.flowMagnitudeRatio).toBeGreaterThan(0.4);
    expect(half.flowMagnitudeRatio).toBeLessThan(0.6);
    expect(half.flowDirectionCosine).toBeGreaterThan(0.95);
    // 2 pixels a frame at 48 lines are 2 / (48 / 256) at 256
    expect(half.motionMagnitude.reference).toBeGreaterThan(0.9 * (2 / (48 / 256)));
    expect(half.motionMagnitude.reference).toBeLessThan(1.4 * (2 / (48 / 256)));
    const mirrored = drawClip(8, 48, 48, (x, y, t) => {
      const p = ((t * 48 + y) * 48 + (47 - x)) * 4;
      return grey(reference.pixels[p]!);
    });
    const opposite = compareClips(
      mirrored,
      drawClip(8, 48, 48, (x, y, t) => grey(mirrored.pixels[(((7 - t) * 48 + y) * 48 + x) * 4]!)),
    );
    expect(opposite.motion.flowDirectionCosine).toBeLessThan(-0.8);
  });

  it('has no motion delta, ratio or direction for a near-static reference', () => {
    const { motion } = compareClips(still, reference);
    expect([motion.motionDelta, motion.flowMagnitudeRatio, motion.flowDirectionCosine]).toEqual([null, null, null]);
    expect(motion.flowEpePerTransition.every((epe) => epe > 0)).toBe(true);
  });

  it('takes a single frame', () => {
    const one = compareClips(ball(1, { frames: 1 }), ball(1, { frames: 1, offset: 2 }));
    expect(one.motion.motionDelta).toBeNull();
    expect(one.motion.flowEpePerTransition).toEqual([]);
    expect(one.motion.errorMotion).toBe(0);
    expect(one.motion.flicker).toEqual({ reference: 1, candidate: 1 });
    expect(one.motion.motionMagnitude).toEqual({ reference: 0, candidate: 0 });
    expect(one.content.errorContent).toBe(4);
  });

  it('splits the error of any two clips exactly', () => {
    const clips = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer(), fc.integer());
    fc.assert(
      fc.property(clips, ([frames, a, b]) => {
        const noise = (seed: number) =>
          drawClip(frames, 6, 5, (x, y, t) => grey(127 * (1 + Math.sin(seed + 12.9 * x + 78.2 * y + 37.7 * t))));
        const { content, motion, meanSquaredError } = compareClips(noise(a), noise(b));
        expect(content.errorContent + motion.errorMotion).toBeCloseTo(meanSquaredError, 6);
      }),
      { numRuns: 30 },
    );
  });
});

describe('metricsCsv', () => {
  it('has clip lines, a header, and a row per frame', () => {
    const lines = metricsCsv(compareClips(reference, reference)).trimEnd().split('\n');
    const rows = lines.filter((line) => !line.startsWith('#'));
    expect(lines).toContain('# psnr_db,identical');
    expect(rows[0]).toMatch(/^frame,psnr_db,ssim,error_motion,flow_epe_px_to_next,/);
    expect(rows.length).toBe(1 + reference.frameCount);
    expect(new Set(rows.map((row) => row.split(',').length))).toEqual(new Set([9]));
    expect(rows[1]).toMatch(/^0,identical,1,0,0,/);
    expect(rows.at(-1)).toMatch(/^7,identical,1,0,,,,,$/);
  });
});
