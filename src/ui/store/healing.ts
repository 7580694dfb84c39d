/**
 * Healing: one at a time, in the background lane; it gives way to clips, can be paused, and ended with its best so far. What
 * it is asked for and where it stands; runs that were interrupted go on by themselves after a lost device or a stopped
 * engine, and when asked to after a reload.
 */
import { create } from 'zustand';
import type { PlainError } from '../../errors/StudioError';
import type { Clip } from '../../metrics/Clip';
import {
  defaultHealSettings,
  type Edit,
  type GenerateSettings,
  type HealingClip,
  type HealJobOutcome,
  type HealProgress,
  type HealReport,
  type HealSettings,
  type HeldOutPoint,
  healingPrompts,
  type Picture,
  type StoredCheckpoint,
  type TrainingPoint,
} from '../../worker/protocol';
import { setStudent } from './edit';
import { engine, isAbort, isInterruption, showNotice, showProblem } from './engine';
import { sameStudent, studentVariant } from './healed';
import { useStudents } from './healedStudents';
import { modelToKeep } from './modelName';
import { ownPictures } from './pictures';
import { type OpenState, read, type StudentEdit } from './state';
import { addStudent, deleteCheckpoint, listStudents } from './students';

/** What a person may choose; the rest follows from the page. */
export type HealChoices = Omit<HealSettings, 'prompts' | 'samplingSteps' | 'guidance' | 'steps' | 'minutes'> & {
  readonly limit: 'minutes' | 'steps';
  readonly minutes: number;
  readonly steps: number;
};

/** The run that is on, or was last. */
export interface HealingRun {
  readonly fingerprint: string;
  readonly student: StudentEdit;
  readonly edit: Edit;
  readonly settings: HealSettings;
  /** Of the clips that show how it goes. */
  readonly clip: GenerateSettings;
  /** That clips begin with, where the model begins with one. */
  readonly pictures: readonly Picture[];
}

export interface HealingState {
  readonly choices: HealChoices;
  readonly running: boolean;
  readonly paused: boolean;
  /** Told to end: the last measurement is made. */
  readonly ending: boolean;
  /** The engine or its device went away; it goes on as soon as they are back. */
  readonly recovering: boolean;
  readonly of: HealingRun | null;
  readonly progress: HealProgress | null;
  readonly training: readonly TrainingPoint[];
  readonly heldOut: readonly HeldOutPoint[];
  readonly clips: { readonly teacher: Clip; readonly before: Clip } | null;
  readonly now: HealingClip | null;
  readonly startedAtMs: number;
  /** Of the runs that it went on from. */
  readonly secondsBefore: number;
  /** The checkpoint that is kept, and why the last one could not be. */
  readonly kept: { readonly step: number; readonly sizeBytes: number } | null;
  readonly notKept: PlainError | null;
  readonly outcome: HealJobOutcome | null;
}

const nothingYet = {
  running: false,
  paused: false,
  ending: false,
  recovering: false,
  of: null,
  progress: null,
  training: [],
  heldOut: [],
  clips: null,
  now: null,
  startedAtMs: 0,
  secondsBefore: 0,
  kept: null,
  notKept: null,
  outcome: null,
} satisfies Partial<HealingState>;

const { steps, ...recipe } = defaultHealSettings;

export const useHealing = create<HealingState>()(() => ({
  // on WebAssembly repair takes minutes before the first step is seen
  choices: { ...recipe, stages: ['end'], limit: 'minutes', minutes: 10, steps },
  ...nothingYet,
}));

const set = useHealing.setState;
let controller: AbortController | null = null;

/** More steps than any number of minutes holds: the time decides. */
const MOST_STEPS = 100_000;
/** Interruptions in a row without a step in between, after which it is the person who decides. */
const MOST_INTERRUPTIONS = 3;

export const chooseHealing = (choices: Partial<HealChoices>): void =>
  set((state) => ({ choices: { ...state.choices, ...choices } }));

/** The learning rate is found by a test. */
export const testRates = (): void => set(({ choices: { learningRate: _, ...choices } }) => ({ choices }));

/** The settings that healing would be started with now; null while there is no model. */
export function healSettings(): HealSettings | null {
  const { open, settings } = read();
  if (!open) return null;
  const { limit, minutes, steps: wanted, ...choices } = useHealing.getState().choices;
  return {
    ...choices,
    ...(limit === 'minutes' ? { steps: MOST_STEPS, minutes } : { steps: wanted }),
    prompts: healingPrompts(open.description),
    samplingSteps: settings.steps,
    guidance: settings.guidance,
  };
}

export async function startHealing(): Promise<void> {
  const { open, plan, weights, settings: clip } = read();
  const settings = healSettings();
  const edit = studentVariant({ plan, weights }).edits.denoiser;
  if (!open || !settings || !edit || edit.plan.dropped.length === 0 || useHealing.getState().running) return;
  const model = await modelToKeep('heal');
  if (!model || useHealing.getState().running) return;
  const pictures = await picturesToLearnWith(open, clip);
  const named = pictures.length > 0 ? { ...settings, pictures: pictures.map(({ key }) => key) } : settings;
  await runHealing({
    fingerprint: model.fingerprint,
    student: { plan, weights },
    edit,
    settings: named,
    clip,
    pictures,
  });
}

/** Goes on with a run of the open model that was interrupted; its cut becomes the student's. */
export async function resumeHealing(checkpoint: StoredCheckpoint): Promise<void> {
  const { open, settings: clip } = read();
  if (!open || open.fingerprint !== checkpoint.fingerprint || useHealing.getState().running) return;
  const { edit, settings, fingerprint, id } = checkpoint;
  const student = { plan: edit.plan, weights: edit.weights };
  setStudent(student);
  const pictures = await picturesToLearnWith(open, clip);
  await runHealing({ fingerprint, student, edit, settings, clip, pictures }, id);
}

/** The model's own, or what a clip begins with now. */
async function picturesToLearnWith({ description, folder }: OpenState, { image }: GenerateSettings) {
  const input = description.image;
  if (!input) return [];
  const own = await ownPictures(input, folder);
  return own.length > 0 || !image ? own : [image];
}

async function runHealing(of: HealingRun, from?: StoredCheckpoint['id']): Promise<void> {
  const own = new AbortController();
  controller = own;
  pauseHealing(false);
  gathered = [];
  set({ ...nothingYet, running: true, of, startedAtMs: performance.now() });
  let next = from;
  for (let interruptions = 0; ; interruptions++) {
    const { edit, settings, clip, pictures } = of;
    const stepsBefore = useHealing.getState().training.length;
    try {
      const outcome = await engine.heal(
        { edit, settings, clip, pictures, ...(next === undefined ? {} : { from: next }) },
        { signal: own.signal, onProgress: (report) => controller === own && onReport(report) },
      );
      if (controller === own) onOutcome(outcome, of);
      return;
    } catch (thrown) {
      if (controller !== own) return;
      showGathered();
      if (useHealing.getState().training.length > stepsBefore) interruptions = 0;
      if (!isInterruption(thrown) || interruptions >= MOST_INTERRUPTIONS) return onFailure(thrown);
      set({ recovering: true, progress: null });
      await listStudents();
      if (controller !== own) return;
      next = checkpointOf(of)?.id;
      if (next === undefined) set({ training: [], heldOut: [] }); // nothing was kept yet: from its beginning
    }
  }
}

/** What is kept of a run. */
function checkpointOf({ fingerprint, edit, settings }: HealingRun): StoredCheckpoint | undefined {
  const name = (one: Pick<HealingRun, 'fingerprint' | 'edit' | 'settings'>) =>
    JSON.stringify([one.fingerprint, one.edit.weights, [...one.edit.plan.dropped].sort(), one.settings]);
  const wanted = name({ fingerprint, edit, settings });
  return useStudents.getState().checkpoints.find((checkpoint) => name(checkpoint) === wanted);
}

function onReport(report: HealReport): void {
  if (report.phase === 'kept') showGathered(); // in one step with what is said of it
  switch (report.phase) {
    case 'resumed':
      return set({
        training: report.curves.training,
        heldOut: report.curves.heldOut,
        secondsBefore: report.seconds,
        startedAtMs: performance.now(),
      });
    case 'first-clips':
      return set({ clips: report });
    case 'kept':
      return set({ kept: report, notKept: null });
    case 'not-kept':
      return set({ notKept: report.problem });
    default:
      return onProgress(report);
  }
}

/** Reports that are not shown yet: steps of a small model come faster than a page can be drawn. */
let gathered: HealProgress[] = [];
let gathering: ReturnType<typeof setTimeout> | undefined;
const GATHER_MS = 100;

function onProgress(progress: HealProgress): void {
  gathered.push(progress);
  gathering ??= setTimeout(showGathered, GATHER_MS);
}

function showGathered(): void {
  clearTimeout(gathering);
  gathering = undefined;
  const reports = gathered;
  gathered = [];
  const last = reports.at(-1);
  if (!last) return;
  const training = reports.flatMap((report) => report.training ?? []);
  const heldOut = reports.flatMap((report) => report.heldOut ?? []);
  const clip = reports.findLast((report) => report.clip)?.clip;
  set((state) => ({
    progress: last,
    recovering: false,
    training: training.length > 0 ? [...state.training, ...training] : state.training,
    heldOut: heldOut.length > 0 ? [...state.heldOut, ...heldOut] : state.heldOut,
    now: clip ?? state.now,
  }));
}

/** The student on screen takes the weights where it is still the one that was healed. */
function onOutcome(outcome: HealJobOutcome, { fingerprint, student }: HealingRun): void {
  controller = null;
  showGathered();
  set({ running: false, paused: false, ending: false, recovering: false, outcome });
  const { weights, unstored, ...summary } = outcome;
  if (weights !== undefined) {
    addStudent({ weights, fingerprint, edit: summary.edit, summary });
    if (unstored) showNotice(`The healed weights end with this visit: ${unstored.message}`);
    if (sameStudent(student, read())) setStudent({ plan: student.plan, weights });
  }
  void listStudents();
}

function onFailure(thrown: unknown): void {
  controller = null;
  set({ running: false, paused: false, ending: false, recovering: false });
  if (!isAbort(thrown)) showProblem(thrown, 'heal');
  void listStudents();
}

/** Takes effect after the step that runs; the run is kept then, so that the tab can be closed. */
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

/** Ends it without a result. What was kept of it can go on later. */
export function cancelHealing(): void {
  controller?.abort();
  controller = null;
  pauseHealing(false);
  gathered = [];
  set(nothingYet);
}

/** Forgets a run that was interrupted. */
export const discardHealing = (checkpoint: StoredCheckpoint): Promise<void> => deleteCheckpoint(checkpoint.id);
