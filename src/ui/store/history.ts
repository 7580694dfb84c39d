/**
 * Undo over a reload: the plans before and after the current one are kept in this browser, and taken up again when
 * the same model comes back with the same plan.
 */
import { indexBlocks, type Plan, samePlan } from '../../blocks/plan';
import { isPlan } from '../../blocks/planText';
import { planTreeOf } from './mapped';
import { type OpenState, useStudio, write } from './state';

const key = 'vdmini-studio/history';
const longest = 200;

interface KeptHistory {
  readonly fingerprint: string;
  readonly plan: readonly string[];
  readonly past: readonly (readonly string[])[];
  readonly future: readonly (readonly string[])[];
}

/** Keeps and takes up from now on. */
export function keepHistory(): void {
  useStudio.subscribe((state, before) => {
    if (!state.open) return;
    if (state.open.fingerprint !== before.open?.fingerprint) takeUp(state.open, state.plan);
    else if (state.plan !== before.plan || state.past !== before.past) keep();
  });
}

function keep(): void {
  const { open, plan, past, future } = useStudio.getState();
  if (!open) return;
  const ids = (plans: readonly Plan[]) => plans.map(({ dropped }) => dropped);
  const kept: KeptHistory = {
    fingerprint: open.fingerprint,
    plan: plan.dropped,
    past: ids(past.slice(-longest)),
    future: ids(future.slice(0, longest)),
  };
  try {
    localStorage.setItem(key, JSON.stringify(kept));
  } catch {
    // storage is full or forbidden: undo then ends with this visit
  }
}

function takeUp(open: OpenState, plan: Plan): void {
  const kept = readHistory(storedText());
  if (!kept || kept.fingerprint !== open.fingerprint || !samePlan({ dropped: kept.plan }, plan)) return;
  const index = indexBlocks(planTreeOf(open));
  const legal = (plans: readonly (readonly string[])[]) =>
    plans.filter((dropped) => dropped.every((id) => index.has(id))).map((dropped) => ({ dropped }));
  write({ past: legal(kept.past), future: legal(kept.future) });
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
      typeof value.fingerprint === 'string' &&
      isIds(value.plan) &&
      isPlans(value.past) &&
      isPlans(value.future);
    return good ? (value as unknown as KeptHistory) : null;
  } catch {
    return null;
  }
}
