/**
 * What is worth saying of jobs in the background: that they began, and what came of them. Their progress is not: it
 * stands in their panels, for whoever looks there.
 */
import { significant } from '../format';
import type { GridState } from '../store/grid';
import type { HealingState } from '../store/healing';
import type { PlanningState } from '../store/planning';
import type { StudioState } from '../store/state';

/** Null for most changes, here and below. */
export function newsOfHealing(now: HealingState, before: HealingState): string | null {
  if (now.running && !before.running) return 'Healing has begun.';
  if (!before.running || now.running) return null;
  if (!now.outcome) return 'Healing was ended.';
  const { best, before: untouched, weights } = now.outcome;
  return weights === undefined
    ? 'Healing has ended: nothing was gained, the untouched student was kept.'
    : `The student is healed: held-out error ${significant(untouched.total)} before, ${significant(best.total)} now.`;
}

export function newsOfPlanning(now: PlanningState, before: PlanningState): string | null {
  if (now.running && !before.running)
    return now.running.job === 'analyze'
      ? 'Measuring which blocks matter has begun.'
      : 'The search for plans has begun.';
  if (!before.running || now.running) return null;
  if (before.running.job === 'plan') return now.result ? 'Plans were found.' : 'The search was stopped.';
  const counted = `${now.units.length} ${now.units.length === 1 ? 'block is' : 'blocks are'} measured`;
  return now.allMeasured ? `All ${counted}.` : `Measuring was stopped; ${counted}.`;
}

export function newsOfGrid({ running }: GridState, before: GridState): string | null {
  if (running && !before.running) return `Measuring ${running.of} takes has begun.`;
  if (!before.running || running) return null;
  const { done, of } = before.running;
  return done === of ? `All ${of} takes are measured.` : `Measuring takes was stopped after ${done} of ${of}.`;
}

export function newsOfExport(now: StudioState, before: StudioState): string | null {
  if (now.exporting && !before.exporting) return 'The export has begun.';
  if (!before.exporting || now.exporting) return null;
  if (now.exported && now.exported !== before.exported) return 'The student is exported.';
  return now.problem ? null : 'The export was stopped.'; // a problem is an alert of its own
}
