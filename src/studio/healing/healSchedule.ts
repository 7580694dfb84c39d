/** How a run of healing goes by its step's number: the learning rate, and the stage that a step belongs to. */
import type { HealSettings } from './healData';
import type { TrainedStage } from './trainingGraphs';

export const WARM_UP_STEPS = 10;
/** Of a run, beside the first and the last. */
export const MEASUREMENTS = 20;
/** The last part of the steps, in which the rate falls to nothing. */
const DECAY_SHARE = 0.4;
/** Of the steps, where stages learn apart first. */
const LOCAL_SHARE = 0.25;

/** What a step belongs to, counted from 0. `total`: null while it is not known yet. */
export function stageAt({ stages }: HealSettings, step: number, total: number | null): TrainedStage {
  const both = stages.includes('local') && stages.includes('end');
  if (!both) return stages.includes('local') ? 'local' : 'end';
  return total === null || step < Math.round(LOCAL_SHARE * total) ? 'local' : 'end';
}

/** The rate of an update, counted from 0. `total`: null while it is not known yet, in the warm-up. */
export function learningRateAt(step: number, total: number | null, peak: number): number {
  const warm = Math.min(1, (step + 1) / WARM_UP_STEPS);
  if (total === null) return peak * warm;
  const decay = (total - step) / Math.max(1, DECAY_SHARE * total);
  return peak * Math.min(warm, 1, decay);
}

/** Steps between measurements. */
export function measuredEvery(plannedSteps: number): number {
  return Math.max(WARM_UP_STEPS, Math.round(plannedSteps / MEASUREMENTS));
}
