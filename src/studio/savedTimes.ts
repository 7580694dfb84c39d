/**
 * What plans will take of a step's time, foretold from what each unit saves. A search picks what seems to save most, and so
 * what noise makes look best: each measured saving counts as much as its own spread allows, beside the unit's share of the
 * MACs; and every plan whose time is measured after all sets the scale of the rest.
 */

import { goneIds, type Plan } from '../blocks/plan';
import { present } from '../errors/present';
import type { MedianInterval } from '../metrics/pairedTimes';
import type { Pipeline } from './Pipeline';
import type { Unit } from './units';

/** A unit's share of the denoiser's MACs, and what a step saves without it, as a share of the step. */
export interface MeasuredSaving {
  readonly macs: number;
  readonly saved: MedianInterval;
}

/** Deviations between the bounds of an interval of 90 %. */
const WIDTH_90 = 2 * 1.645;
/** How far a unit's time may be from its MACs' part of all time, as a share of that; and at least, of a step. */
const SPREAD = 0.5;
const LEAST_SPREAD = 0.002;

/** Means of both, weighted by their precision; none below zero. A saving without spread stays as it is. */
export function settledSavings(units: readonly MeasuredSaving[]): readonly number[] {
  const sum = (of: (unit: MeasuredSaving) => number) => units.reduce((total, unit) => total + of(unit), 0);
  const perMac =
    Math.max(
      0,
      sum(({ saved }) => saved.median),
    ) /
    Math.max(
      1e-9,
      sum(({ macs }) => macs),
    );
  return units.map(({ macs, saved }) => {
    const expected = perMac * macs;
    const spread = Math.max(LEAST_SPREAD, SPREAD * expected);
    const noise = (saved.high - saved.low) / WIDTH_90;
    const weight = spread ** 2 / (spread ** 2 + noise ** 2);
    return Math.max(0, weight * saved.median + (1 - weight) * expected);
  });
}

export interface TimeForecast {
  /** Share of the teacher's step. */
  of(plan: Plan): number;
  /** A plan's measured share: what all plans are foretold to save is scaled to it. */
  learn(plan: Plan, share: number): void;
}

/** One plan's noise may not turn everything over. */
const [LEAST_SCALE, MOST_SCALE] = [0.25, 2];

/** Of nested units the widest counts; contiguous runs are foretold from their blocks. */
export function timeForecast(
  { denoiser: { tree } }: Pick<Pipeline, 'denoiser'>,
  units: readonly Unit[],
  savings: readonly number[],
): TimeForecast {
  const known = units
    .map(({ plan }, index) => ({ gone: goneIds(tree, plan), share: present(savings[index]) }))
    .sort((a, b) => b.gone.size - a.gone.size);
  let scale = 1;
  const saved = (plan: Plan): number => {
    const gone = goneIds(tree, plan);
    const counted = new Set<string>();
    let sum = 0;
    for (const { gone: own, share } of known) {
      if (![...own].every((id) => gone.has(id) && !counted.has(id))) continue;
      for (const id of own) counted.add(id);
      sum += share;
    }
    return sum;
  };
  return {
    of: (plan) => Math.max(0, 1 - scale * saved(plan)),
    learn(plan, share) {
      const foretold = saved(plan);
      if (foretold > 0) scale = Math.min(MOST_SCALE, Math.max(LEAST_SCALE, (1 - share) / foretold));
    },
  };
}
