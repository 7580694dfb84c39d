/** Healing: one at a time, in the background lane; it gives way to clips, can be paused, and ended with its best so far. */
import { create } from 'zustand';
import { NOTHING_DROPPED, type Plan } from '../../blocks/plan';
import {
  defaultHealSettings,
  type HealOutcome,
  type HealProgress,
  type HeldOutPoint,
  healingPrompts,
  type TrainingPoint,
  variantOf,
} from '../../worker/protocol';
import { engine, isAbort, showProblem } from './engine';
import { generate, rerunAfterEdit } from './generate';
import { read, write } from './state';

export interface HealingState {
  readonly minutes: number;
  readonly running: boolean;
  readonly paused: boolean;
  /** Told to end: the last measurement is made. */
  readonly ending: boolean;
  /** Which model and cut all of this is about. */
  readonly of: { readonly fingerprint: string; readonly plan: Plan } | null;
  readonly progress: HealProgress | null;
  readonly training: readonly TrainingPoint[];
  readonly heldOut: readonly HeldOutPoint[];
  readonly outcome: HealOutcome | null;
}

const nothingYet = {
  running: false,
  paused: false,
  ending: false,
  of: null,
  progress: null,
  training: [],
  heldOut: [],
  outcome: null,
} satisfies Partial<HealingState>;

export const useHealing = create<HealingState>()(() => ({ minutes: 10, ...nothingYet }));

const set = useHealing.setState;
let controller: AbortController | null = null;

/** More steps than any number of minutes holds: the time decides. */
const MOST_STEPS = 100_000;

export const setHealingMinutes = (minutes: number): void => set({ minutes });

export async function startHealing(): Promise<void> {
  const { open, plan, settings } = read();
  if (!open || plan.dropped.length === 0 || useHealing.getState().running) return;
  const own = new AbortController();
  controller = own;
  pauseHealing(false);
  set({ ...nothingYet, running: true, of: { fingerprint: open.fingerprint, plan } });
  try {
    const outcome = await engine.heal(
      {
        edit: variantOf(plan).edits.denoiser ?? { plan: NOTHING_DROPPED, weights: 'original' },
        settings: {
          ...defaultHealSettings,
          stages: ['end'], // on WebAssembly repair takes minutes, and as many steps gain as much
          steps: MOST_STEPS,
          minutes: useHealing.getState().minutes,
          prompts: healingPrompts(open.description),
          samplingSteps: settings.steps,
          guidance: settings.guidance,
        },
      },
      { signal: own.signal, onProgress: (progress) => controller === own && onProgress(progress) },
    );
    if (controller === own) onOutcome(outcome, plan);
  } catch (thrown) {
    if (controller !== own) return;
    set({ running: false, paused: false, ending: false });
    if (!isAbort(thrown)) showProblem(thrown, 'heal');
  }
}

function onProgress(progress: HealProgress): void {
  const { training, heldOut } = progress;
  set((state) => ({
    progress,
    training: training ? [...state.training, training] : state.training,
    heldOut: heldOut ? [...state.heldOut, heldOut] : state.heldOut,
  }));
}

function onOutcome(outcome: HealOutcome, plan: Plan): void {
  set({ running: false, paused: false, ending: false, outcome });
  if (outcome.weights === undefined) return;
  write({ healed: { plan, weights: outcome.weights } });
  wearHealed(true);
}

/** Takes effect after the step that runs. */
export function pauseHealing(paused: boolean): void {
  engine.pauseBackground(paused);
  set({ paused });
}

/** Ends it; the best weights so far are the student's. */
export function finishHealing(): void {
  set({ ending: true });
  pauseHealing(false);
  void engine.finishHealing({}).catch((thrown: unknown) => showProblem(thrown, 'heal'));
}

/** Ends it and forgets what was learnt. */
export function cancelHealing(): void {
  controller?.abort();
  controller = null;
  pauseHealing(false);
  set(nothingYet);
}

/** The student with its healed weights, or as the cut left it. */
export function wearHealed(worn: boolean): void {
  const { shown } = read();
  write({
    worn,
    exported: null,
    comparison: null,
    latentErrors: [],
    shown: shown.teacher ? { teacher: shown.teacher } : {},
  });
  if (read().rerun === 'at-once') void generate();
  else rerunAfterEdit();
}
