/**
 * What to drop for a budget. Damage is measured, never added up: after each removal the remaining candidates are
 * measured anew, the most promising first, and a removal counts only when it is still the best after that (lazy
 * greedy); a beam follows a few others; isolated damages added up are one more; then single swaps from the best. Anytime: every plan that was measured is on the front if none
 * is better at its cost.
 */

import { NOTHING_DROPPED, type Plan, planKey, unitePlans } from '../blocks/plan';
import type { Pipeline } from './Pipeline';
import { byDamageAlone, cutInOrder, measureBaselines } from './planBaselines';
import type { Baseline, MeasuredPlan, PlanOptions, PlanRequest, PlanResult } from './planData';
import { lockedUnits, openSearch, type Search } from './planSearch';
import type { Unit } from './units';

interface Candidate {
  readonly unit: Unit;
  /** Damage added per share saved, when it was last measured. */
  score: number;
  measuredAtRound: number;
}

const BEAM = 2;
/** How often a plan is searched anew whose time is above the budget after all. */
const MOST_TIGHTENINGS = 5;

/** Throws what running throws, `blocks/*` for locked ids that do not exist, and the signal's reason. */
export async function planCuts(
  pipeline: Pipeline,
  request: PlanRequest,
  options: PlanOptions = {},
): Promise<PlanResult> {
  const search = await openSearch(pipeline, request, options);
  const { budget } = request;
  const locked = lockedUnits(pipeline, request);
  const free = request.units.filter(({ id }) => !locked.has(id));
  let current = await best(search, request, free, budget.share, NOTHING_DROPPED);
  let timed = await search.timed(current);
  let found = timed;
  for (let i = 0; budget.currency === 'ms' && search.spends(found.cost) > budget.share && i < MOST_TIGHTENINGS; i++) {
    search.learn(timed);
    const next = await best(search, request, free, budget.share, NOTHING_DROPPED);
    if (planKey(next.plan) === planKey(current.plan)) break;
    current = next;
    timed = await search.timed(current);
    // the nearest to the budget stays where the last is not within it either
    if (search.spends(timed.cost) < search.spends(found.cost)) found = timed;
  }
  const share = budget.currency === 'ms' ? budget.share : search.spends(current.cost);
  const baselines: Baseline[] = [];
  for (const baseline of await measureBaselines(pipeline, search, request, locked, share))
    baselines.push({ name: baseline.name, ...(await search.timed(baseline)) });
  const fits = search.spends(found.cost) <= budget.share;
  return { ...found, fits, baselines, front: frontOf(search.all()), measured: search.all().length };
}

/** Greedy from a plan on, a beam beside it, and swaps. */
async function best(
  search: Search,
  { beam = BEAM }: PlanRequest,
  free: readonly Unit[],
  target: number,
  from: Plan,
): Promise<MeasuredPlan> {
  const candidates = free.map((unit): Candidate => ({ unit, score: Number.NEGATIVE_INFINITY, measuredAtRound: -1 }));
  let current = await search.measure(from);
  for (let round = 0; search.spends(current.cost) > target; round++) {
    const next = await bestRemoval(search, current, candidates, round, target);
    if (!next) return current;
    current = next;
  }
  const others = [
    beam > 0 ? await beamSearch(search, candidates, target, from, beam) : null,
    await addedUp(search, free, target, from),
  ];
  for (const other of others) if (other && search.weigh(other.error) < search.weigh(current.error)) current = other;
  return swaps(search, current, free, target);
}

/** Isolated damages added up: where units do not act on each other, that order misses less than one removal after another. */
async function addedUp(
  search: Search,
  free: readonly Unit[],
  target: number,
  from: Plan,
): Promise<MeasuredPlan | null> {
  const cut = cutInOrder(search, byDamageAlone(search, free), target);
  return cut && search.measure(unitePlans(from, cut));
}

/** Follows the `width` plans of least damage per share saved, each by its few most promising removals. */
async function beamSearch(
  search: Search,
  candidates: readonly Candidate[],
  target: number,
  from: Plan,
  width: number,
): Promise<MeasuredPlan | null> {
  const promising = candidates.filter(({ score }) => Number.isFinite(score)).sort((a, b) => a.score - b.score);
  const start = search.spends(search.costOf(from));
  const rate = ({ error, cost }: MeasuredPlan) => search.weigh(error) / Math.max(1e-9, start - search.spends(cost));
  let followed: readonly MeasuredPlan[] = [await search.measure(from)];
  let found: MeasuredPlan | null = null;
  while (followed.length > 0) {
    const next = new Map<string, MeasuredPlan>();
    for (const plan of followed) {
      const dropped = new Set(plan.plan.dropped);
      const left = promising.filter(({ unit }) => !unit.plan.dropped.every((id) => dropped.has(id)));
      for (const { unit } of left.slice(0, width + 1)) {
        const tried = await search.measure(unitePlans(plan.plan, unit.plan));
        if (search.spends(tried.cost) >= search.spends(plan.cost) - 1e-9) continue;
        if (search.spends(tried.cost) > target) next.set([...tried.plan.dropped].sort().join(), tried);
        else if (!found || search.weigh(tried.error) < search.weigh(found.error)) found = tried;
      }
    }
    followed = [...next.values()].sort((a, b) => rate(a) - rate(b)).slice(0, width);
  }
  return found;
}

/** The candidate whose damage per share saved is the smallest once it is measured in this round; none: nothing is left. */
async function bestRemoval(
  search: Search,
  current: MeasuredPlan,
  candidates: readonly Candidate[],
  round: number,
  target: number,
): Promise<MeasuredPlan | null> {
  const dropped = new Set(current.plan.dropped);
  const left = candidates.filter(({ unit }) => !unit.plan.dropped.every((id) => dropped.has(id)));
  for (;;) {
    left.sort((a, b) => a.score - b.score);
    const first = left[0];
    if (!first) return null;
    const next = await search.measure(unitePlans(current.plan, first.unit.plan));
    const needed = search.spends(current.cost) - target;
    const saved = Math.min(search.spends(current.cost) - search.spends(next.cost), needed); // more than is needed is worth nothing
    if (saved <= 1e-9) {
      left.shift();
      continue;
    }
    if (first.measuredAtRound === round) return next;
    first.score = (search.weigh(next.error) - search.weigh(current.error)) / saved;
    first.measuredAtRound = round;
  }
}

/** Puts one removal back for another while that is better within the budget; the first improvement of each is taken. */
async function swaps(
  search: Search,
  from: MeasuredPlan,
  units: readonly Unit[],
  target: number,
): Promise<MeasuredPlan> {
  let current = from;
  const limit = 3 * units.length;
  let tries = 0;
  for (const id of from.plan.dropped) {
    const without = current.plan.dropped.filter((one) => one !== id);
    if (without.length === current.plan.dropped.length) continue;
    for (const unit of units) {
      if (unit.plan.dropped.includes(id) || tries >= limit) continue;
      const { dropped } = unitePlans({ dropped: without }, unit.plan);
      if (dropped.length === without.length) continue;
      if (search.spends(search.costOf({ dropped })) > target) continue;
      tries++;
      const tried = await search.measure({ dropped });
      if (search.weigh(tried.error) < search.weigh(current.error)) {
        current = tried;
        break;
      }
    }
  }
  return current;
}

/** By MACs and total error, dearest first: no plan of the list is both cheaper and better than one of these. */
export function frontOf(plans: readonly MeasuredPlan[]): readonly MeasuredPlan[] {
  const sorted = [...plans].sort((a, b) => a.cost.macs - b.cost.macs || a.error.total - b.error.total);
  const front: MeasuredPlan[] = [];
  let best = Infinity;
  for (const plan of sorted) {
    if (plan.error.total >= best) continue;
    best = plan.error.total;
    front.push(plan);
  }
  return front.reverse();
}
