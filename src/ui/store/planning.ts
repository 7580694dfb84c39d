/**
 * Measuring which blocks matter and searching plans for a budget: background jobs of the worker, their results, and
 * what is kept of them in this browser. Results belong to a model (fingerprint), a kind of unit and the clips that
 * they were measured on; a run goes on from whatever was measured of the same before, after a reload too.
 */
import { create } from 'zustand';
import { planKey } from '../../blocks/plan';
import { StudioError } from '../../errors/StudioError';
import { openSize } from '../../pipeline/openSize';
import type {
  Currency,
  GenerateSettings,
  KnownError,
  MeasuredPlan,
  PlanResult,
  SplitError,
  UnitImportance,
  UnitKind,
} from '../../worker/protocol';
import { engine, isAbort, showProblem } from './engine';
import { type GentlePlan, gentlestUseful, offerGentle } from './gentle';
import { setImportance } from './importance';
import { keepMeasured, measuredOf } from './measured';
import { modelToKeep } from './modelName';
import { isSameModel, type NamedModel } from './sameModel';
import { type OpenState, read, useStudio } from './state';

/** All states, those of the high or low noise band, or the clip's final latent. */
export type ShownError = 'output' | 'highNoise' | 'lowNoise' | 'final';

/** Null where it was not measured. */
export function shownErrorOf(unit: UnitImportance, shown: ShownError): SplitError | null {
  return unit[shown] ?? null;
}

export type PlanningJob = 'analyze' | 'plan';

export interface RunningJob {
  readonly job: PlanningJob;
  readonly paused: boolean;
  /** Of `analyze`: units measured in this run, and how many it measures. */
  readonly done: number;
  readonly of: number;
  readonly startedMs: number;
}

export interface PlanningState {
  readonly unitKind: UnitKind;
  /** How many clips are the measure: the wanted one, then the model's example prompts. */
  readonly clipCount: number;
  readonly currency: Currency;
  /** Of the teacher's, 0..1. */
  readonly share: number;
  /** What `analyze` measures beside the outputs. */
  readonly withFinal: boolean;
  readonly withTimes: boolean;
  /** Which of a unit's errors the chart and the map show. */
  readonly shownError: ShownError;
  /** Blocks that every plan keeps. */
  readonly locked: readonly string[];
  /** What damage weighs. */
  readonly contentWeight: number;
  readonly motionWeight: number;
  readonly running: RunningJob | null;
  readonly units: readonly UnitImportance[];
  /** Before the first unit is measured: block influence, by unit. */
  readonly influences: Readonly<Record<string, readonly number[]>>;
  /** `units` are all that there are. */
  readonly allMeasured: boolean;
  /** The clips that `units` and `errors` were measured on. */
  readonly clips: readonly GenerateSettings[];
  /** Errors of plans that were searched. */
  readonly errors: readonly KnownError[];
  readonly best: MeasuredPlan | null;
  readonly plansMeasured: number;
  readonly result: PlanResult | null;
}

const nothingMeasured = {
  units: [],
  influences: {},
  allMeasured: false,
  clips: [],
  errors: [],
  best: null,
  plansMeasured: 0,
  result: null,
} satisfies Partial<PlanningState>;

export const usePlanning = create<PlanningState>()(() => ({
  unitKind: 'layers',
  clipCount: 1,
  currency: 'macs',
  share: 0.75,
  withFinal: false,
  withTimes: false,
  shownError: 'output',
  locked: [],
  contentWeight: 1,
  motionWeight: 1,
  running: null,
  ...nothingMeasured,
}));

const readPlanning = usePlanning.getState;
const writePlanning = usePlanning.setState;

let controller: AbortController | null = null;
/** Random plans beside the measured one: enough for a mean, few enough to wait for. */
const randomPlans = 5;

/** Choices of the panels; what was measured for others is shown again once they are chosen again. */
export function choosePlanning(change: Partial<PlanningState>): void {
  const before = readPlanning();
  writePlanning(change);
  const { unitKind, clipCount } = readPlanning();
  if (change.shownError) showOnMap();
  if (unitKind !== before.unitKind || clipCount !== before.clipCount) takeUp(read().open);
  else if (change.shownError !== undefined) return;
  else if (!('withFinal' in change || 'withTimes' in change)) writePlanning({ best: null, result: null });
  else writePlanning({ allMeasured: false });
}

/** The clips to measure on: what the page samples now, then other prompts of the model with seeds of their own. */
export function clipsToMeasure(open: OpenState, wanted: GenerateSettings, count: number): readonly GenerateSettings[] {
  const others = open.description.examplePrompts.filter((prompt) => prompt !== wanted.prompt);
  return Array.from({ length: count }, (_, index) => ({
    ...wanted,
    prompt: index === 0 ? wanted.prompt : (others[(index - 1) % Math.max(1, others.length)] ?? wanted.prompt),
    seed: wanted.seed + index,
  }));
}

/** From now on: measured results come and go with the model. */
export function followModel(): void {
  useStudio.subscribe((state, before) => {
    if (isSameModel(state.open, before.open) && state.open?.id === before.open?.id) return;
    stopPlanning();
    takeUp(state.open);
  });
}

function takeUp(open: OpenState | null): void {
  const { unitKind, clipCount } = readPlanning();
  const name = open?.fingerprint ?? null;
  const known =
    open && name !== null
      ? measuredOf(name, unitKind, clipsToMeasure(open, read().settings, clipCount), openSize(open.description))
      : null;
  writePlanning({
    ...nothingMeasured,
    locked: [],
    ...(known ? { units: known.units, errors: known.errors, clips: known.clips } : {}),
  });
  showOnMap();
  if (open) offerGentle(open, known?.gentle ?? null);
}

function showOnMap(): void {
  const { open } = read();
  const { units } = readPlanning();
  if (!open || open.fingerprint === null || units.length === 0) return setImportance(null);
  const damages = units.map((unit) => {
    const error = shownErrorOf(unit, readPlanning().shownError);
    const damage = error ? { content: error.content, motion: error.motion } : {};
    return [unit.id, { ...damage, ...(unit.savedMs ? { savedMs: unit.savedMs.median } : {}) }] as const;
  });
  setImportance({ fingerprint: open.fingerprint, blocks: Object.fromEntries(damages) });
}

/** Clips, units and errors to go on from; what was measured on other clips is put aside. */
function begin(open: NamedModel, job: PlanningJob): AbortController {
  stopPlanning();
  const { unitKind, clipCount, clips } = readPlanning();
  const wanted = clipsToMeasure(open, read().settings, clipCount);
  if (JSON.stringify(clips.map(textOf)) !== JSON.stringify(wanted.map(textOf))) {
    const known = measuredOf(open.fingerprint, unitKind, wanted, openSize(open.description));
    writePlanning({
      ...nothingMeasured,
      clips: wanted,
      ...(known ? { units: known.units, errors: known.errors } : {}),
    });
  }
  controller = new AbortController();
  const running = { job, paused: false, done: 0, of: 0, startedMs: performance.now() };
  writePlanning({ running, ...(job === 'plan' ? { best: null, result: null, plansMeasured: 0 } : {}) });
  return controller;
}

const textOf = ({ image, ...settings }: GenerateSettings) => ({ ...settings, image: image?.key });

function keep(open: NamedModel, gentle: GentlePlan | null = null): void {
  const { unitKind, clips, units, errors } = readPlanning();
  const size = openSize(open.description);
  keepMeasured({ fingerprint: open.fingerprint, size, unitKind, clips, units, errors, gentle });
}

export async function startAnalysis(): Promise<void> {
  const open = await modelToKeep('plan');
  if (!open || open.cannotRun !== undefined) return;
  const own = begin(open, 'analyze');
  const { unitKind, clips, units, withTimes, ...choices } = readPlanning();
  const withFinal = choices.withFinal && unitKind !== 'decoder'; // it is the latent that is decoded
  const isWhole = (unit: UnitImportance) =>
    (!withFinal || unit.final || unit.finalBounds) && (!withTimes || unit.savedMs);
  const except = units.filter(isWhole).map(({ id }) => id);
  const whole = await run(own, () =>
    engine.analyze(
      { units: unitKind, settings: clips, except, final: withFinal, times: withTimes },
      {
        signal: own.signal,
        onProgress: ({ done, of, unit, influences }) => {
          if (controller !== own) return;
          writePlanning(({ running, units: known }) => ({
            units: unit ? withUnit(known, unit) : known,
            ...(influences ? { influences } : {}),
            running: running && { ...running, done, of },
          }));
          showOnMap();
          keep(open);
        },
      },
    ),
  );
  if (whole) writePlanning({ allMeasured: true });
}

/** Measured again with more beside it: what was known of the rest stays. */
function withUnit(known: readonly UnitImportance[], unit: UnitImportance): readonly UnitImportance[] {
  const before = known.find(({ id }) => id === unit.id);
  const merged = {
    ...unit,
    final: unit.final ?? before?.final ?? null,
    finalBounds: unit.finalBounds ?? before?.finalBounds ?? null,
    savedMs: unit.savedMs ?? before?.savedMs ?? null,
  };
  return [...known.filter(({ id }) => id !== unit.id), merged];
}

export async function startPlan(): Promise<void> {
  const open = await modelToKeep('plan');
  const { unitKind } = readPlanning();
  // a decoder's damages are of frames: no plan of the denoiser is weighed by them
  if (!open || open.cannotRun !== undefined || unitKind === 'decoder') return;
  const own = begin(open, 'plan');
  const { clips, units, errors, currency, share, contentWeight, motionWeight, locked } = readPlanning();
  const alone = units.map(({ plan, output: { content, motion, total } }) => ({
    plan,
    error: { content, motion, total },
  }));
  const request = {
    units: unitKind,
    settings: clips,
    budget: { currency, share },
    content: contentWeight,
    motion: motionWeight,
    locked,
    randomPlans,
    known: [...alone, ...errors],
  };
  const seen = new Set(request.known.map(({ plan }) => planKey(plan)));
  const result = await run(own, () =>
    engine.plan(request, {
      signal: own.signal,
      onProgress: ({ measured, best, latest }) => {
        if (controller !== own) return;
        writePlanning({ best, plansMeasured: measured });
        if (seen.has(planKey(latest.plan))) return;
        seen.add(planKey(latest.plan));
        writePlanning(({ errors: known }) => ({ errors: [...known, { plan: latest.plan, error: latest.error }] }));
        keep(open);
      },
    }),
  );
  if (!result) return;
  writePlanning({ result });
  const gentle = gentlestUseful(result.front);
  keep(open, gentle);
  offerGentle(open, gentle);
}

/** Undefined when it was stopped or failed; what it measured until then stays. */
async function run<T>(own: AbortController, job: () => Promise<T>): Promise<T | undefined> {
  try {
    return await job();
  } catch (thrown) {
    if (controller === own && !isAbort(thrown)) showProblem(StudioError.from(thrown), 'plan');
    return undefined;
  } finally {
    if (controller === own) {
      controller = null;
      writePlanning({ running: null });
    }
  }
}

export function pausePlanning(paused: boolean): void {
  engine.pauseBackground(paused);
  writePlanning(({ running }) => ({ running: running && { ...running, paused } }));
}

/** What was measured stays, and the next start goes on from it. */
export function stopPlanning(): void {
  if (!controller) return;
  controller.abort();
  controller = null;
  if (readPlanning().running?.paused) engine.pauseBackground(false); // the lane is healing's too
  writePlanning({ running: null });
}
