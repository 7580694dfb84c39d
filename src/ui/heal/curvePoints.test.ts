import { describe, expect, it } from 'vitest';
import { curvePoints } from './curvePoints';

const training = (count: number) =>
  Array.from({ length: count }, (_, step) => ({
    step,
    stage: 'end' as const,
    output: 2 + step,
    icd: step % 2 === 0 ? 1 : 3,
    gradientNorm: 1,
    critic: { loss: 1, accuracy: 0.75, counts: true },
  }));

describe('points of the curves', () => {
  it('are every step and measurement while there are few, in the order of steps', () => {
    const heldOut = [{ step: 2, stage: 'end' as const, total: 4, content: 1, motion: 3 }];
    const points = curvePoints(training(3), heldOut);
    expect(points.map(({ step }) => step)).toEqual([0, 1, 2, 2]);
    expect(points[0]).toEqual({ step: 0, batch: 2, icd: 1, accuracy: 0.75 });
    expect(points.at(-1)).toEqual({ step: 2, total: 4, content: 1, motion: 3 });
  });

  it('are means of a few steps where there are many, and leave out what a logarithm cannot show', () => {
    const points = curvePoints(training(1000), [{ step: 0, stage: null, total: 1, content: 1, motion: 0 }]);
    expect(points.length).toBeLessThanOrEqual(241);
    expect(points.find(({ total }) => total !== undefined)).not.toHaveProperty('motion');
    expect(points.filter(({ icd }) => icd !== undefined && (icd < 1 || icd > 3))).toEqual([]);
  });
});
