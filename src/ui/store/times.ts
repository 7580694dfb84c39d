/**
 * How long a step takes with and without what is dropped: measured in turns once a run is done and nothing else is
 * waited for, given up at the next edit or run. Figures belong to a model, a backend, the student and the guidance.
 */
import { create } from 'zustand';
import { COMPONENTS, type ComponentId } from '../../blocks/plan';
import { type PairedTimes, SUPERSEDED, TEACHER, variantKey } from '../../worker/protocol';
import { engine, isAbort } from './engine';
import { studentVariant } from './healed';
import { read, type StudioState } from './state';

interface TimesState {
  /** By what was measured; a few of the last. */
  readonly measured: Readonly<Record<string, PairedTimes>>;
  /** Pairs so far, and how many the first figure needs. */
  readonly measuring: { readonly key: string; readonly done: number; readonly of: number } | null;
}

export const useTimes = create<TimesState>()(() => ({ measured: {}, measuring: null }));

/** A moment after a run, so that a quick next edit does not wait for a call of this. */
const waitMs = 500;
const mostKept = 40;

let controller: AbortController | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Names what would be measured of a component now; null where nothing can be, or nothing of it is dropped. */
export function timesKey(state: StudioState, component: ComponentId = 'denoiser'): string | null {
  const { open, status, settings, plan } = state;
  if (!open || open.cannotRun !== undefined || plan.dropped.length === 0) return null;
  const variant = studentVariant(state);
  const edit = variant.edits[component];
  if (edit === undefined) return null; // what is not cut takes what it took
  const perStep = component === 'denoiser' ? settings.guidance : null;
  return JSON.stringify([open.id, status?.backend, perStep, variantKey({ edits: { [component]: edit } })]);
}

/** Stops measuring; what was measured stays. */
export function cancelTimes(): void {
  clearTimeout(timer);
  controller?.abort(SUPERSEDED);
  controller = null;
  if (useTimes.getState().measuring) useTimes.setState({ measuring: null });
}

/** Measures the wanted student against the teacher in a moment, unless that is known. */
export function measureTimesSoon(): void {
  cancelTimes();
  timer = setTimeout(() => void measure(), waitMs);
}

async function measure(): Promise<void> {
  const own = new AbortController();
  controller = own;
  for (const component of COMPONENTS) if (controller === own) await measureComponent(component, own);
  if (controller !== own) return;
  controller = null;
  useTimes.setState({ measuring: null });
}

async function measureComponent(component: ComponentId, own: AbortController): Promise<void> {
  const state = read();
  const key = timesKey(state, component);
  if (key === null || state.run !== null || state.opening || useTimes.getState().measured[key]) return;
  useTimes.setState({ measuring: { key, done: 0, of: 5 } });
  try {
    const request = { component, reference: TEACHER, candidate: studentVariant(state), settings: state.settings };
    const times = await engine.times(request, {
      signal: own.signal,
      onProgress: ({ done, of, times: soFar }) => {
        if (controller !== own) return;
        useTimes.setState({ measuring: { key, done, of } });
        if (soFar) keep(key, soFar);
      },
    });
    if (controller === own && times) keep(key, times);
  } catch (thrown) {
    // a lost device or a closed model is told by whoever needs it; the figure is then just not there
    if (!isAbort(thrown)) console.warn(`The time of the ${component} was not measured.`, thrown);
  }
}

function keep(key: string, times: PairedTimes): void {
  const others = Object.entries(useTimes.getState().measured).filter(([other]) => other !== key);
  useTimes.setState({ measured: Object.fromEntries([...others.slice(1 - mostKept), [key, times]]) });
}
