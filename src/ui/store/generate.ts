/**
 * Sampling: one run at a time, teacher and student together; the worker reuses a kept teacher clip of equal
 * settings. A new toggle aborts the run and starts another after a moment, so that quick toggles make one run.
 */
import { StudioError } from '../../errors/StudioError';
import { type SampleProgress, type SampleResult, SUPERSEDED, TEACHER } from '../../worker/protocol';
import { isCurrent } from './derived';
import { engine, isAbort, showNotice, showProblem } from './engine';
import { studentVariant } from './healed';
import { cancelPerceived, measurePerceivedSoon } from './perceived';
import { play } from './player';
import { type Run, read, type SecondStudent, type Side, type StudioState, write } from './state';
import { cancelTimes, measureTimesSoon } from './times';

const gatherMs = 250;
/** The order of the takes: the teacher is the reference; the second student is there when it is wanted. */
const sides: readonly Side[] = ['teacher', 'student', 'second'];

/** What a list in the order of the takes says of each side. */
function bySide<T>(values: readonly (T | undefined)[]): Partial<Record<Side, T>> {
  const named = sides.flatMap((side, index) => (values[index] === undefined ? [] : [[side, values[index]] as const]));
  return Object.fromEntries(named) as Partial<Record<Side, T>>;
}

let controller: AbortController | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Stops what runs and what is about to run; the clips on screen stay. */
export function cancelRun(): void {
  endRun();
}

/** `reason`: why nobody waits for it; without one a person stops it. */
export function endRun(reason?: typeof SUPERSEDED): void {
  clearTimeout(timer);
  cancelTimes();
  cancelPerceived();
  controller?.abort(reason);
  controller = null;
  if (read().run !== null || read().runPending) write({ run: null, runPending: false });
}

/** After an edit: what runs is out of date; starts anew after a moment, or waits to be asked. */
export function rerunAfterEdit(): void {
  endRun(SUPERSEDED);
  const state = read();
  if (!state.open || state.open.cannotRun !== undefined) return;
  if (isCurrent(state, 'student') && (!state.second || isCurrent(state, 'second'))) return measureTimesSoon();
  if (state.rerun !== 'at-once') return;
  write({ runPending: true });
  timer = setTimeout(() => void generate(), gatherMs);
}

export async function generate(): Promise<void> {
  endRun(SUPERSEDED);
  const state = read();
  const { settings, plan, weights, second } = state;
  if (!state.open || state.opening || state.open.cannotRun !== undefined) return;
  const own = new AbortController();
  controller = own;
  const run: Run = {
    settings,
    plan,
    weights,
    withTeacher: !isCurrent(state, 'teacher'),
    withSecond: second !== null && !isCurrent(state, 'second'),
    step: 0,
    steps: settings.steps,
  };
  write({
    run,
    runPending: false,
    latentErrors: [],
    problem: state.problem?.during === 'generate' ? null : state.problem,
  });
  const first = !Object.values(state.shown).some(({ step, steps }) => step === steps);
  try {
    const students = second ? [state, second] : [state];
    const takes = [TEACHER, ...students.map(studentVariant)].map((variant) => ({ variant, settings }));
    const result = await engine.sample(
      { takes, previewEvery: 'affordable' },
      {
        signal: own.signal,
        onProgress: (progress) => controller === own && write((now) => afterStep(now, run, progress)),
      },
    );
    if (controller !== own) return;
    write((now) => afterRun(now, run, result));
    if (second) await compareStudents(state, second, own);
    measureTimesSoon();
    measurePerceivedSoon();
    if (first && !matchMedia('(prefers-reduced-motion: reduce)').matches) play();
  } catch (thrown) {
    if (controller !== own) return;
    write({ run: null });
    if (withoutWeights(thrown)) return;
    if (!isAbort(thrown)) showProblem(thrown, 'generate');
  }
  controller = null;
}

/** The two students against each other: both takes are kept, so that nothing is denoised for it. */
async function compareStudents(first: StudioState, second: SecondStudent, own: AbortController): Promise<void> {
  const { settings } = first;
  const takes = [first, second].map((student) => ({ variant: studentVariant(student), settings }));
  const { comparisons } = await engine.sample({ takes, previewEvery: 0 }, { signal: own.signal });
  const { plan, weights } = second;
  const made = { settings, plan, weights, step: settings.steps, steps: settings.steps };
  if (controller === own && comparisons[1]) write({ studentsComparison: { ...made, value: comparisons[1] } });
}

/** Weights that are not kept any more come off, and the student is sampled without them; a second one goes. */
function withoutWeights(thrown: unknown): boolean {
  if (!(thrown instanceof StudioError && thrown.code === 'engine/no-weights')) return false;
  const { weights, second } = read();
  if (second && second.weights !== 'original' && second.weights === thrown.facts['weights']) {
    write({ second: null });
    showNotice(`The healed weights of ${second.name} are not kept in this browser any more.`);
    void generate();
    return true;
  }
  if (weights === 'original') return false;
  write({ weights: 'original' });
  showNotice('The healed weights of this student are not kept in this browser any more; it has the model’s own.');
  void generate();
  return true;
}

function afterStep(state: StudioState, run: Run, progress: SampleProgress): Partial<StudioState> {
  const { step, steps } = progress;
  const clips = bySide(progress.clips);
  const [, comparison, ofSecond] = progress.comparisons;
  const latentError = progress.latentErrors[1];
  const { settings, plan, weights = 'original' } = run;
  const made = { settings, plan, weights, step, steps };
  const shown = { ...state.shown };
  if (clips.student) shown.student = { ...made, clip: clips.student };
  if (clips.teacher && run.withTeacher) shown.teacher = { ...made, clip: clips.teacher };
  const { second } = state;
  if (clips.second && second && run.withSecond)
    shown.second = { ...made, plan: second.plan, weights: second.weights, clip: clips.second };
  return {
    run: { ...run, step, steps },
    shown,
    ...(second && ofSecond
      ? { secondComparison: { ...made, plan: second.plan, weights: second.weights, value: ofSecond } }
      : {}),
    comparison: comparison ? { ...made, value: comparison } : state.comparison,
    latentErrors: latentError ? [...state.latentErrors, { step, ...latentError }] : state.latentErrors,
    paceMs: progress.stepMs.findLast((ms) => ms !== undefined) ?? state.paceMs,
  };
}

function afterRun(state: StudioState, run: Run, result: SampleResult): Partial<StudioState> {
  const { settings, plan, weights = 'original' } = run;
  const clips = bySide(result.clips);
  const [, comparison, ofSecond] = result.comparisons;
  const made = { settings, plan, weights, step: settings.steps, steps: settings.steps };
  const { second } = state;
  const shown = { ...state.shown };
  for (const side of ['teacher', 'student'] as const) if (clips[side]) shown[side] = { ...made, clip: clips[side] };
  const madeOfSecond = second && { ...made, plan: second.plan, weights: second.weights };
  if (madeOfSecond && clips.second) shown.second = { ...madeOfSecond, clip: clips.second };
  return {
    run: null,
    shown,
    ...(madeOfSecond && ofSecond ? { secondComparison: { ...madeOfSecond, value: ofSecond } } : {}),
    comparison: comparison ? { ...made, value: comparison } : state.comparison,
    paceMs: result.medianStepMs.at(-1) || state.paceMs,
    decodeMs: result.decodeMs[1] ?? state.decodeMs,
  };
}
