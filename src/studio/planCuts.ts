/**
 * What to drop for a budget. Damage is measured, never added up: after each removal the remaining candidates are
 * measured anew, the most promising first, and a removal counts only when it is still the best after that (lazy
 * greedy); then single swaps. Anytime: every plan that was measured is on the front if none is better at its cost.
 */

import { countTotals } from '../blocks/countTotals';
import { blockNamed, familyOf, goneIds, NOTHING_DROPPED, type Plan, planKey, unitePlans } from '../blocks/plan';
import { prune } from '../passes/prune';
import { meanError } from './damage';
import type { GenerateSettings } from './GenerateSettings';
import type { Pipeline } from './Pipeline';
import { latentError, outputOn, type SplitError, type TeacherRun, teacherRun } from './teacherRuns';
import type { Unit } from './units';
import { variantOf } from './Variant';

/** What a budget is counted in. */
export type Currency = 'macs' | 'parameters';

export interface Budget {
  readonly currency: Currency;
  /** Of the teacher's, 0..1: a plan may cost at most this. */
  readonly share: number;
}

/** Shares of the teacher's. */
export interface Cost {
  readonly macs: number;
  readonly parameters: number;
}

export interface MeasuredPlan {
  readonly plan: Plan;
  readonly cost: Cost;
  /** Of the guided output on the teacher's states. */
  readonly error: SplitError;
}

export interface Baseline extends MeasuredPlan {
  readonly name: string;
}

export interface PlanRequest {
  readonly units: readonly Unit[];
  readonly budget: Budget;
  /** What the damages weigh; both 1 when absent. */
  readonly content?: number;
  readonly motion?: number;
  /** Blocks that stay, whatever it costs. */
  readonly locked?: readonly string[];
  /** The clips whose states are the measure. */
  readonly settings: readonly GenerateSettings[];
  /** Plans to measure beside it, and how many random ones. */
  readonly presets?: readonly { readonly name: string; readonly plan: Plan }[];
  readonly randomPlans?: number;
  /** Errors that were measured before on the same clips, the units' own too: they are not measured again. */
  readonly known?: readonly KnownError[];
}

export interface KnownError {
  readonly plan: Plan;
  readonly error: SplitError;
}

export interface PlanOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PlanProgress) => void;
  /** Awaited before every denoiser call. */
  readonly turn?: () => Promise<void>;
}

export interface PlanProgress {
  readonly measured: number;
  /** Within the budget so far, if any is. */
  readonly best: MeasuredPlan | null;
  /** The plan that was measured last. */
  readonly latest: MeasuredPlan;
}

export interface PlanResult extends MeasuredPlan {
  /** False where even dropping every candidate costs more than the budget: the cheapest plan then. */
  readonly fits: boolean;
  readonly baselines: readonly Baseline[];
  /** No measured plan is both cheaper and better than one of these; dearest first. */
  readonly front: readonly MeasuredPlan[];
  readonly measured: number;
}

interface Candidate {
  readonly unit: Unit;
  /** Damage added per share saved, when it was last measured. */
  score: number;
  measuredAtRound: number;
}

/** Throws what running throws, `blocks/*` for locked ids that do not exist, and the signal's reason. */
export async function planCuts(
  pipeline: Pipeline,
  request: PlanRequest,
  options: PlanOptions = {},
): Promise<PlanResult> {
  const search = await openSearch(pipeline, request, options);
  const { budget } = request;
  const locked = lockedUnits(pipeline, request);
  let current = await search.measure(NOTHING_DROPPED);
  const candidates = request.units
    .filter(({ id }) => !locked.has(id))
    .map((unit): Candidate => ({ unit, score: Number.NEGATIVE_INFINITY, measuredAtRound: -1 }));
  for (let round = 0; current.cost[budget.currency] > budget.share; round++) {
    const next = await bestRemoval(search, current, candidates, round, budget);
    if (!next) break;
    current = next;
  }
  const fits = current.cost[budget.currency] <= budget.share;
  if (fits) current = await swaps(search, current, request, locked);
  const baselines = await measureBaselines(search, request, locked, current.cost[budget.currency]);
  return { ...current, fits, baselines, front: frontOf(search.all()), measured: search.all().length };
}

interface Search {
  measure(plan: Plan): Promise<MeasuredPlan>;
  costOf(plan: Plan): Cost;
  weigh(error: SplitError): number;
  all(): readonly MeasuredPlan[];
}

async function openSearch(pipeline: Pipeline, request: PlanRequest, options: PlanOptions): Promise<Search> {
  const { signal, onProgress, turn } = options;
  const runs: TeacherRun[] = [];
  for (const settings of request.settings) runs.push(await teacherRun(pipeline, settings, signal, turn));
  const known = new Map<string, MeasuredPlan>();
  const earlier = new Map((request.known ?? []).map(({ plan, error }) => [planKey(plan), error]));
  const { content = 1, motion = 1, budget } = request;
  const weigh = (error: SplitError) => content * error.content + motion * error.motion;
  const { file, tree, types } = pipeline.denoiser;
  const costOf = (plan: Plan): Cost => {
    const totals = countTotals(prune(file.model, tree, plan), types);
    return { macs: totals.macs / tree.totals.macs, parameters: totals.parameters / tree.totals.parameters };
  };
  const best = (): MeasuredPlan | null =>
    [...known.values()]
      .filter(({ cost }) => cost[budget.currency] <= budget.share)
      .sort((a, b) => weigh(a.error) - weigh(b.error))[0] ?? null;
  return {
    costOf,
    weigh,
    all: () => [...known.values()],
    async measure(plan) {
      const key = planKey(plan);
      const before = known.get(key);
      if (before) return before;
      const errors: SplitError[] = [];
      const isKnown = plan.dropped.length === 0 || earlier.has(key);
      for (const run of isKnown ? [] : runs) {
        for (const state of run.states) {
          await turn?.();
          signal?.throwIfAborted();
          const output = await outputOn(pipeline, variantOf(plan), run, state);
          errors.push(latentError(pipeline, state.output, output));
        }
      }
      const error = earlier.get(key) ?? (isKnown ? { content: 0, motion: 0, total: 0 } : meanError(errors));
      const measured = { plan, cost: costOf(plan), error };
      known.set(key, measured);
      signal?.throwIfAborted();
      onProgress?.({ measured: known.size, best: best(), latest: measured });
      return measured;
    },
  };
}

/** Units that hold a locked block, or lie in one. */
function lockedUnits({ denoiser: { tree } }: Pipeline, { units, locked = [] }: PlanRequest): ReadonlySet<string> {
  if (locked.length === 0) return new Set();
  const inside = new Set(locked.flatMap((id) => [...familyOf(tree, blockNamed(tree, id))]));
  return new Set(units.filter(({ plan }) => [...goneIds(tree, plan)].some((id) => inside.has(id))).map(({ id }) => id));
}

/** The candidate whose damage per share saved is the smallest once it is measured in this round; none: nothing is left. */
async function bestRemoval(
  search: Search,
  current: MeasuredPlan,
  candidates: readonly Candidate[],
  round: number,
  { currency, share }: Budget,
): Promise<MeasuredPlan | null> {
  const dropped = new Set(current.plan.dropped);
  const left = candidates.filter(({ unit }) => !unit.plan.dropped.every((id) => dropped.has(id)));
  for (;;) {
    left.sort((a, b) => a.score - b.score);
    const first = left[0];
    if (!first) return null;
    const next = await search.measure(unitePlans(current.plan, first.unit.plan));
    const needed = current.cost[currency] - share;
    const saved = Math.min(current.cost[currency] - next.cost[currency], needed); // more than is needed is worth nothing
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
  { units, budget }: PlanRequest,
  locked: ReadonlySet<string>,
): Promise<MeasuredPlan> {
  let current = from;
  const limit = 3 * units.length;
  let tries = 0;
  for (const id of from.plan.dropped) {
    const without = current.plan.dropped.filter((one) => one !== id);
    if (without.length === current.plan.dropped.length) continue;
    for (const unit of units) {
      if (locked.has(unit.id) || unit.plan.dropped.includes(id) || tries >= limit) continue;
      const { dropped } = unitePlans({ dropped: without }, unit.plan);
      if (dropped.length === without.length) continue;
      if (search.costOf({ dropped })[budget.currency] > budget.share) continue;
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

async function measureBaselines(
  search: Search,
  { units, budget, presets = [], randomPlans = 20 }: PlanRequest,
  locked: ReadonlySet<string>,
  share: number,
): Promise<readonly Baseline[]> {
  const baselines: Baseline[] = [];
  for (const { name, plan } of presets) baselines.push({ name, ...(await search.measure(plan)) });
  const free = units.filter(({ id }) => !locked.has(id));
  const upTo = (order: readonly Unit[]): Plan | null => {
    const dropped = new Set<string>();
    for (const unit of order) {
      for (const id of unit.plan.dropped) dropped.add(id);
      if (search.costOf({ dropped: [...dropped] })[budget.currency] <= Math.max(share, budget.share))
        return { dropped: [...dropped] };
    }
    return null;
  };
  const isolated = [...free].sort((a, b) => (scoreAlone(search, a) ?? Infinity) - (scoreAlone(search, b) ?? Infinity));
  const oneShot = upTo(isolated);
  if (oneShot) baselines.push({ name: 'isolated damage, added up', ...(await search.measure(oneShot)) });
  const inOrder = [...free].sort((a, b) => a.depth - b.depth);
  let contiguous: MeasuredPlan | null = null;
  for (let first = 0; first < inOrder.length; first += Math.max(1, Math.floor(inOrder.length / 8))) {
    const plan = upTo(inOrder.slice(first));
    if (!plan) break;
    const measured = await search.measure(plan);
    if (!contiguous || search.weigh(measured.error) < search.weigh(contiguous.error)) contiguous = measured;
  }
  if (contiguous) baselines.push({ name: 'contiguous', ...contiguous });
  const random: MeasuredPlan[] = [];
  for (let index = 0; index < randomPlans; index++) {
    const plan = upTo(shuffled(free, index + 1));
    if (plan) random.push(await search.measure(plan));
  }
  if (random.length > 0) {
    const typical = [...random].sort((a, b) => search.weigh(a.error) - search.weigh(b.error))[random.length >> 1]!;
    const error = meanError(random.map((one) => one.error));
    baselines.push({ name: `random, mean of ${random.length}`, plan: typical.plan, cost: typical.cost, error });
  }
  return baselines;
}

/** Damage per share saved of a unit alone, where the search has measured it so. */
function scoreAlone(search: Search, unit: Unit): number | undefined {
  const alone = search.all().find(({ plan }) => planKey(plan) === planKey(unit.plan));
  return alone && search.weigh(alone.error) / Math.max(1e-9, 1 - alone.cost.macs);
}

/** Fisher and Yates, with a small generator of its own so that a seed gives the same plans everywhere. */
function shuffled<T>(values: readonly T[], seed: number): T[] {
  let state = (seed * 2654435761) >>> 0;
  const next = () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 12)) >>> 0) / 2 ** 32;
  };
  const result = [...values];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
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
