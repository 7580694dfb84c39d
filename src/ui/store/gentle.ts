/**
 * The gentlest useful plan that a search found, as the page's first ready-made cut. Kept with what was measured, so that
 * it is there again after a reload; the folder's own cuts follow it.
 */
import type { MeasuredPlan } from '../../worker/protocol';
import { formatPercent, formatTiny } from '../format';
import { type OpenState, read, write } from './state';

/** A cut that leaves more of the MACs than this is hardly worth its name. */
const USEFUL_SHARE = 0.9;
const id = 'measured-here';

export interface GentlePlan {
  readonly dropped: readonly string[];
  /** Share of the teacher's. */
  readonly macs: number;
  readonly damage: number;
}

/** Of a front, dearest first: the one of least damage that saves a tenth of the MACs; else the cheapest. Null of none. */
export function gentlestUseful(front: readonly MeasuredPlan[]): GentlePlan | null {
  const cuts = front.filter(({ plan }) => plan.dropped.length > 0);
  const found = cuts.find(({ cost }) => cost.macs <= USEFUL_SHARE) ?? cuts.at(-1);
  return found ? { dropped: found.plan.dropped, macs: found.cost.macs, damage: found.error.total } : null;
}

/** Puts it first among the open model's ready-made cuts, in the place of one that was found before. */
export function offerGentle(of: OpenState, gentle: GentlePlan | null): void {
  const { open } = read();
  if (!gentle || open?.id !== of.id) return;
  const { dropped, macs, damage } = gentle;
  const description = `The gentlest cut that a search in this browser found: ${formatPercent(macs)} of the MACs, damage ${formatTiny(damage)}.`;
  const given = (open.description.presets ?? []).filter((preset) => preset.id !== id);
  const presets = [{ id, label: 'Gentlest measured here', description, dropped }, ...given];
  write({ open: { ...open, description: { ...open.description, presets } } });
}

/** Whether a stored value is one. */
export function isGentle(value: unknown): value is GentlePlan {
  const gentle = value as Partial<Record<keyof GentlePlan, unknown>> | null;
  if (typeof gentle !== 'object' || gentle === null) return false;
  const { dropped, macs, damage } = gentle;
  return (
    Array.isArray(dropped) && dropped.every((one) => typeof one === 'string') && [macs, damage].every(Number.isFinite)
  );
}
