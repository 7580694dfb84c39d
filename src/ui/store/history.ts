/**
 * Undo over a reload: the students before and after the current one are kept in this browser, and taken up again when
 * the same model comes back with the same plan; whose weights the current one has is too. A model without a name has
 * students without weights of their own alone: its outline says well enough whose plans they are.
 */
import { indexBlocks, type Plan, samePlan } from '../../blocks/plan';
import { isPlan } from '../../blocks/planText';
import { planTreeOf } from './mapped';
import { isSameModel } from './sameModel';
import { type OpenState, type StudentEdit, useStudio, write } from './state';

const key = 'vdmini-studio/history';
const longest = 200;

interface KeptHistory {
  /** Of the model, or the outline of one without a name. */
  readonly fingerprint?: string;
  readonly outline?: string;
  readonly plan: readonly string[];
  readonly past: readonly (readonly string[])[];
  readonly future: readonly (readonly string[])[];
  /** Of the current student, those before and those after; absent where all have the model's own. */
  readonly weights?: readonly string[];
}

/** Keeps and takes up from now on. */
export function keepHistory(): void {
  useStudio.subscribe((state, before) => {
    if (!state.open) return;
    if (!isSameModel(state.open, before.open)) takeUp(state.open, state.plan);
    else if (state.plan !== before.plan || state.weights !== before.weights || state.past !== before.past) keep();
  });
}

function keep(): void {
  const { open, plan, weights, past, future } = useStudio.getState();
  if (!open) return;
  const [before, after] = [past.slice(-longest), future.slice(0, longest)];
  const ids = (students: readonly StudentEdit[]) => students.map((student) => student.plan.dropped);
  const all = [{ plan, weights }, ...before, ...after].map((student) => student.weights);
  const kept: KeptHistory = {
    ...(open.fingerprint === null ? { outline: open.outline } : { fingerprint: open.fingerprint }),
    plan: plan.dropped,
    past: ids(before),
    future: ids(after),
    ...(all.some((one) => one !== 'original') ? { weights: all } : {}),
  };
  try {
    localStorage.setItem(key, JSON.stringify(kept));
  } catch {
    // storage is full or forbidden: undo then ends with this visit
  }
}

function takeUp(open: OpenState, plan: Plan): void {
  const kept = readHistory(storedText());
  if (!kept || !samePlan({ dropped: kept.plan }, plan)) return;
  if (kept.fingerprint === undefined ? kept.outline !== open.outline : kept.fingerprint !== open.fingerprint) return;
  const index = indexBlocks(planTreeOf(open));
  const [weights = 'original', ...others] = kept.weights ?? [];
  const legal = (plans: readonly (readonly string[])[], offset: number): readonly StudentEdit[] =>
    plans
      .map((dropped, i) => ({ plan: { dropped }, weights: others[offset + i] ?? 'original' }))
      .filter((student) => student.plan.dropped.every((id) => index.has(id)));
  write({ weights, past: legal(kept.past, 0), future: legal(kept.future, kept.past.length) });
}

/** The fingerprint of the model that undo is kept for, where it has one. */
export function namesOfHistory(): readonly string[] {
  const { fingerprint } = readHistory(storedText()) ?? {};
  return fingerprint === undefined ? [] : [fingerprint];
}

function storedText(): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // forbidden: it must not keep a model from opening
  }
}

/** Null for anything that is no history. */
export function readHistory(text: string | null): KeptHistory | null {
  try {
    const value = JSON.parse(text ?? 'null') as Partial<Record<keyof KeptHistory, unknown>> | null;
    const isIds = (dropped: unknown) => isPlan({ dropped });
    const isPlans = (plans: unknown) => Array.isArray(plans) && plans.every(isIds);
    const good =
      value !== null &&
      typeof value === 'object' &&
      typeof (value.fingerprint ?? value.outline) === 'string' &&
      isIds(value.plan) &&
      isPlans(value.past) &&
      isPlans(value.future) &&
      (value.weights === undefined || isIds(value.weights));
    return good ? (value as unknown as KeptHistory) : null;
  } catch {
    return null;
  }
}
