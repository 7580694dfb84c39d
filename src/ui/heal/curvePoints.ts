/** Curves of healing as points of a chart: one list by step, in which each point has what was measured there. */
import { present } from '../../errors/present';
import type { HeldOutPoint, TrainingPoint } from '../../worker/protocol';

export interface CurvePoint {
  readonly step: number;
  readonly batch?: number;
  readonly icd?: number;
  readonly total?: number;
  readonly content?: number;
  readonly motion?: number;
  /** Of the critic. */
  readonly accuracy?: number;
}

/** More points than a chart has pixels for are averaged. */
const MOST_POINTS = 240;

export function curvePoints(
  training: readonly TrainingPoint[],
  heldOut: readonly HeldOutPoint[],
): readonly CurvePoint[] {
  const size = Math.max(1, Math.ceil(training.length / MOST_POINTS));
  const batches: CurvePoint[] = [];
  for (let first = 0; first < training.length; first += size) {
    const some = training.slice(first, first + size);
    const icd = some.flatMap((point) => point.icd ?? []);
    const accuracy = some.flatMap((point) => point.critic?.accuracy ?? []);
    batches.push({
      step: present(some.at(-1)).step,
      ...positive({ batch: mean(some.map(({ output }) => output)), ...(icd.length > 0 ? { icd: mean(icd) } : {}) }),
      ...(accuracy.length > 0 ? { accuracy: mean(accuracy) } : {}),
    });
  }
  const measured = heldOut.map(
    ({ step, total, content, motion }): CurvePoint => ({ step, ...positive({ total, content, motion }) }),
  );
  return [...batches, ...measured].sort((a, b) => a.step - b.step);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** A logarithmic scale has no place for others. */
const positive = <T extends Readonly<Record<string, number>>>(values: T): Partial<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value > 0)) as Partial<T>;
