/**
 * The cuts that others would make at the same cost, measured with the same errors: the papers' by position, the least
 * block influence, isolated damages added up, contiguous blocks, and random ones.
 */

import { type Plan, planKey } from '../blocks/plan';
import { present } from '../errors/present';
import { measureInfluence } from './blockInfluence';
import { meanError } from './damage';
import type { Pipeline } from './Pipeline';
import type { Baseline, MeasuredPlan, PlanRequest } from './planData';
import type { Search } from './planSearch';
import type { Unit } from './units';

/** The first units of the order that come to the budget; null where all together do not. */
export function cutInOrder(search: Search, order: readonly Unit[], share: number): Plan | null {
  const dropped = new Set<string>();
  for (const unit of order) {
    for (const id of unit.plan.dropped) dropped.add(id);
    if (search.spends(search.costOf({ dropped: [...dropped] })) <= share) return { dropped: [...dropped] };
  }
  return null;
}

/** By damage per share saved, each alone; units that were not measured last. */
export function byDamageAlone(search: Search, units: readonly Unit[]): readonly Unit[] {
  const known = new Map(search.all().map((measured) => [planKey(measured.plan), measured] as const));
  const score = ({ plan }: Unit): number => {
    const alone = known.get(planKey(plan));
    return alone ? search.weigh(alone.error) / Math.max(1e-9, 1 - alone.cost.macs) : Infinity;
  };
  const scored = units.map((unit) => ({ unit, score: score(unit) }));
  return scored.sort((a, b) => (a.score < b.score ? -1 : Number(a.score > b.score))).map(({ unit }) => unit);
}

/** `share`: what the found plan costs; the baselines may cost that, or the budget where that is more. */
export async function measureBaselines(
  pipeline: Pipeline,
  search: Search,
  { units, budget, presets = [], randomPlans = 20 }: PlanRequest,
  locked: ReadonlySet<string>,
  share: number,
): Promise<readonly Baseline[]> {
  const baselines: Baseline[] = [];
  for (const { name, plan } of presets) baselines.push({ name, ...(await search.measure(plan)) });
  const free = units.filter(({ id }) => !locked.has(id));
  const upTo = (order: readonly Unit[]) => cutInOrder(search, order, Math.max(share, budget.share));
  const influence = await measureInfluence(pipeline, free, present(search.runs[0]));
  const mean = (id: string) =>
    present(influence[id]).reduce((sum, value) => sum + value, 0) / present(influence[id]).length;
  if (free.length > 0 && free.every(({ id }) => influence[id])) {
    const plan = upTo([...free].sort((a, b) => mean(a.id) - mean(b.id)));
    if (plan) baselines.push({ name: 'block influence', ...(await search.measure(plan)) });
  }
  const oneShot = upTo(byDamageAlone(search, free));
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
    const typical = present(
      [...random].sort((a, b) => search.weigh(a.error) - search.weigh(b.error))[random.length >> 1],
    );
    const error = meanError(random.map((one) => one.error));
    baselines.push({ name: `random, mean of ${random.length}`, plan: typical.plan, cost: typical.cost, error });
  }
  return baselines;
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
    [result[i], result[j]] = [present(result[j]), present(result[i])];
  }
  return result;
}
