/**
 * What a search for plans works with: errors measured on the teacher's states, each plan once; costs by counting; and for
 * a budget of time, what each unit saves, measured in turns with the teacher. It does not decide what to measure.
 */

import { countTotals } from '../blocks/countTotals';
import { blockNamed, familyOf, goneIds, type Plan, planKey } from '../blocks/plan';
import { present } from '../errors/present';
import type { MedianInterval } from '../metrics/pairedTimes';
import { prune } from '../passes/prune';
import { meanError } from './damage';
import { measurePairs, stepUnder } from './measureTimes';
import type { Pipeline } from './Pipeline';
import type { Cost, Currency, MeasuredPlan, PlanOptions, PlanRequest } from './planData';
import { type MeasuredSaving, settledSavings, type TimeForecast, timeForecast } from './savedTimes';
import { type GroupedStates, groupOutputs, groupStates } from './stateGroups';
import { latentError, type SplitError, type TeacherRun, teacherRun } from './teacherRuns';
import type { Unit } from './units';
import { TEACHER, variantOf } from './Variant';

export interface Search {
  readonly runs: readonly TeacherRun[];
  measure(plan: Plan): Promise<MeasuredPlan>;
  costOf(plan: Plan): Cost;
  /** Share of the teacher's in the budget's currency. */
  spends(cost: Cost): number;
  weigh(error: SplitError): number;
  all(): readonly MeasuredPlan[];
  /** The plan with the time of its step, measured. */
  timed(plan: MeasuredPlan): Promise<MeasuredPlan>;
  /** Foretells all plans' times anew from one that was measured. */
  learn(timed: MeasuredPlan): void;
}

/** Runs the teacher once a clip; for a budget of time, also measures what each unit saves. Throws what running throws. */
export async function openSearch(pipeline: Pipeline, request: PlanRequest, options: PlanOptions): Promise<Search> {
  const { signal, onProgress, turn } = options;
  const runs: TeacherRun[] = [];
  for (const settings of request.settings) runs.push(await teacherRun(pipeline, settings, signal, turn));
  const before = async () => {
    await turn?.();
    signal?.throwIfAborted();
  };
  const states = runs.flatMap((run) => run.states.map((state) => ({ run, state })));
  let grouped: readonly GroupedStates[] | undefined;
  const groups = async () =>
    (grouped ??= await groupStates(pipeline, states, async (group) => {
      await before();
      return groupOutputs(pipeline, TEACHER, group);
    }));
  const known = new Map<string, MeasuredPlan>();
  const earlier = new Map((request.known ?? []).map(({ plan, error }) => [planKey(plan), error]));
  const { content = 1, motion = 1, budget } = request;
  const weigh = (error: SplitError) => content * error.content + motion * error.motion;
  const { file, tree, types } = pipeline.denoiser;
  const forecast = budget.currency === 'ms' ? await forecastOf(pipeline, request, options) : null;
  const costOf = (plan: Plan): Cost => {
    const totals = countTotals(prune(file.model, tree, plan), types);
    const ms = forecast && forecast.of(plan);
    const { macs, parameters } = tree.totals;
    return { macs: totals.macs / macs, parameters: totals.parameters / parameters, ms, msInterval: null };
  };
  const spends = (cost: Cost) => spentOf(cost, budget.currency);
  const best = (): MeasuredPlan | null =>
    [...known.values()]
      .filter(({ cost }) => spends(cost) <= budget.share)
      .sort((a, b) => weigh(a.error) - weigh(b.error))[0] ?? null;
  return {
    runs,
    costOf,
    spends,
    weigh,
    all: () => [...known.values()],
    timed: async (measured) => {
      if (!request.times && budget.currency !== 'ms') return measured;
      const time = await timeShare(pipeline, measured.plan, request, options);
      if (!time) return measured;
      return { ...measured, cost: { ...measured.cost, ms: time.median, msInterval: [time.low, time.high] } };
    },
    learn({ plan, cost }) {
      if (!forecast || cost.ms === null) return;
      forecast.learn(plan, cost.ms);
      for (const [key, one] of known) known.set(key, { ...one, cost: { ...one.cost, ms: forecast.of(one.plan) } });
    },
    async measure(plan) {
      const key = planKey(plan);
      const measuredBefore = known.get(key);
      if (measuredBefore) return measuredBefore;
      const errors: SplitError[] = [];
      const isKnown = plan.dropped.length === 0 || earlier.has(key);
      for (const { group, references } of isKnown ? [] : await groups()) {
        await before();
        const outputs = await groupOutputs(pipeline, variantOf(plan), group);
        errors.push(...outputs.map((output, index) => latentError(pipeline, present(references[index]), output)));
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

/** Infinity where the time is not known. */
export function spentOf(cost: Cost, currency: Currency): number {
  return cost[currency] ?? Infinity;
}

/** What each unit saves of a step, settled by its spread. */
async function forecastOf(pipeline: Pipeline, request: PlanRequest, options: PlanOptions): Promise<TimeForecast> {
  const { tree } = pipeline.denoiser;
  const units: Unit[] = [];
  const savings: MeasuredSaving[] = [];
  for (const unit of request.units.filter(({ plan }) => plan.dropped.length === 1)) {
    const ratio = await timeShare(pipeline, unit.plan, request, options);
    if (!ratio) continue;
    units.push(unit);
    const saved = { median: 1 - ratio.median, low: 1 - ratio.high, high: 1 - ratio.low };
    savings.push({ macs: unit.macs / Math.max(1, tree.totals.macs), saved });
  }
  return timeForecast(pipeline, units, settledSavings(savings));
}

/** Student / teacher time of a step. */
async function timeShare(
  pipeline: Pipeline,
  plan: Plan,
  { settings }: PlanRequest,
  { signal, turn, alone }: PlanOptions,
): Promise<MedianInterval | null> {
  if (plan.dropped.length === 0) return { median: 1, low: 1, high: 1 };
  const teacher = await stepUnder(pipeline, TEACHER, present(settings[0]));
  const student = await stepUnder(pipeline, variantOf(plan), present(settings[0]));
  const waits = { ...(signal ? { signal } : {}), ...(turn ? { turn } : {}), ...(alone ? { alone } : {}) };
  return (await measurePairs(teacher, student, waits))?.ratio ?? null;
}

/** Units that hold a locked block, or lie in one. */
export function lockedUnits(
  { denoiser: { tree } }: Pipeline,
  { units, locked = [] }: PlanRequest,
): ReadonlySet<string> {
  if (locked.length === 0) return new Set();
  const inside = new Set(locked.flatMap((id) => [...familyOf(tree, blockNamed(tree, id))]));
  return new Set(units.filter(({ plan }) => [...goneIds(tree, plan)].some((id) => inside.has(id))).map(({ id }) => id));
}
