/**
 * The jobs of the worker, in one declaration: message types, the client's methods and the worker's handlers
 * all derive from `Jobs`. Plain structured-cloneable data only; buffers are transferred, not copied.
 *
 * A job of a pipeline names it; a job for a pipeline that is not the open one is refused. Life of a job:
 * docs/architecture.md.
 */
import type { ComponentId, Plan } from '../blocks/plan';
import type { PlainError } from '../errors/StudioError';
import type { FolderReference } from '../library/Folder';
import type { OpenProgress } from '../pipeline/OpenProgress';
import type { LatentSize } from '../pipeline/PipelineDescription';
import type { BackendPreference, BackendStatus } from '../runtime/BackendStatus';
import type { RuntimeCall } from '../runtime/Runtime';
import type { CheckedId, CheckIdsProgress } from '../studio/checkIds';
import type { ScoresRequest, VideoScores } from '../studio/clipScores';
import type { ExportProgress, ExportRequest, ExportResult } from '../studio/exportData';
import type { FeaturesProgress, FeaturesRequest } from '../studio/featureData';
import type { FeatureDistances } from '../studio/featureDistances';
import type { Outlines } from '../studio/fingerprint';
import type { GenerateSettings } from '../studio/GenerateSettings';
import type { GridCell, GridProgress, GridRequest } from '../studio/gridData';
import type { Importance, ImportanceProgress } from '../studio/importance';
import type { PairedTimes, TimesProgress, TimesRequest } from '../studio/measureTimes';
import type { EngineCounters, MappedPipeline, OpenedPipeline, PipelineId, PlanSummary } from '../studio/openedData';
import type { ColorVideoVdp, PerceivedRequest } from '../studio/perceivedDifference';
import type { PlanProgress, PlanRequest, PlanResult } from '../studio/planData';
import type { SampleProgress, SampleRequest, SampleResult } from '../studio/sampleData';
import type { DenoiserUnitKind, UnitKind } from '../studio/units';
import type { DeleteRequest, HealJobOutcome, HealJobRequest, HealReport, StoredHealing } from './healJobData';

export type { CheckedId, IdVerdict } from '../studio/checkIds';
export type * from '../studio/exportData';
export type { FeatureModelReference, FeatureRange } from '../studio/featureData';
export { featureRanges } from '../studio/featureData';
export type { FeatureDistances, PairDistances } from '../studio/featureDistances';
export type { Outlines } from '../studio/fingerprint';
export type * from '../studio/GenerateSettings';
export type * from '../studio/gridData';
export { gridSettings } from '../studio/gridData';
export type * from '../studio/healing/healData';
export { defaultHealSettings, healingPrompts, healStages } from '../studio/healing/healData';
export type { UnitImportance } from '../studio/importance';
export type { PairedTimes } from '../studio/measureTimes';
export type * from '../studio/openedData';
export type { Baseline, Budget, Currency, KnownError, MeasuredPlan, PlanResult } from '../studio/planData';
export type * from '../studio/sampleData';
export type { SplitError } from '../studio/teacherRuns';
export type { DenoiserUnitKind, UnitKind } from '../studio/units';
export type { Edit, Take, Variant, WeightsId } from '../studio/Variant';
export { TEACHER, variantKey, variantOf } from '../studio/Variant';
export type * from './healJobData';
export type { BackendPreference, BackendStatus, OpenProgress };

export interface OpenRequest {
  readonly folder: FolderReference;
  readonly backend: BackendPreference;
  readonly latentSize?: LatentSize;
  /** Opens it without any session: what the runtime said when it was to run. */
  readonly withoutRunning?: string;
  /** What the page keeps models' things under: the model is named at once where it can be one of them. */
  readonly kept?: KeptNames;
}

export interface KeptNames {
  readonly fingerprints: readonly string[];
  /** Of any models that were named in this browser. */
  readonly outlines: Outlines;
}

export interface AnalyzeRequest {
  readonly units: UnitKind;
  /** The clips whose states are the measure. */
  readonly settings: readonly GenerateSettings[];
  /** Ids of units that were measured before. */
  readonly except: readonly string[];
  /** Also the final latents, and the milliseconds that a step saves without each unit. */
  readonly final: boolean;
  readonly times: boolean;
}

/** As `planCuts` takes it; units by their kind, beside the cuts of papers. */
export interface PlanJobRequest extends Omit<PlanRequest, 'units' | 'presets'> {
  readonly units: DenoiserUnitKind;
}

/** Where opening stands; once the blocks are known, what the map needs. */
export type OpenReport = OpenProgress | { readonly phase: 'mapped'; readonly mapped: MappedPipeline };

/** The one declaration. `progress: never` when a job reports none. */
export interface Jobs {
  open: { input: OpenRequest; progress: OpenReport; output: OpenedPipeline };
  /** The open pipeline's fingerprint; the first call reads its weights. */
  fingerprint: { input: Record<string, never>; progress: never; output: string };
  summarise: { input: { readonly plan: Plan }; progress: never; output: PlanSummary };
  sample: { input: SampleRequest; progress: SampleProgress; output: SampleResult };
  export: { input: ExportRequest; progress: ExportProgress; output: ExportResult };
  /** Null only where the model went away. */
  times: { input: TimesRequest; progress: TimesProgress; output: PairedTimes | null };
  analyze: { input: AnalyzeRequest; progress: ImportanceProgress; output: Importance };
  plan: { input: PlanJobRequest; progress: PlanProgress; output: PlanResult };
  /** Many prompts and seeds of some students, against the teacher. */
  grid: { input: GridRequest; progress: GridProgress; output: readonly GridCell[] };
  /** The same clips, made again and seen by a feature model of the person: distances of the sets. */
  features: { input: FeaturesRequest; progress: FeaturesProgress; output: FeatureDistances };
  /** Whether each block's id names what dropping it removes. */
  checkIds: {
    input: { readonly component: ComponentId };
    progress: CheckIdsProgress;
    output: readonly CheckedId[];
  };
  /** ColorVideoVDP of two clips that the page has. */
  perceived: { input: PerceivedRequest; progress: never; output: ColorVideoVdp };
  /** Each clip's own scores by VBench's formulas. */
  scores: { input: ScoresRequest; progress: never; output: readonly VideoScores[] };
  /** Trains a student; its weights stay with the pipeline. */
  heal: { input: HealJobRequest; progress: HealReport; output: HealJobOutcome };
  /** Ends the healing that runs, which then gives its best so far. */
  finishHealing: { input: Record<string, never>; progress: never; output: null };
  /** Healed students and runs that can go on, of every model, that this browser keeps. */
  listStored: { input: Record<string, never>; progress: never; output: StoredHealing };
  deleteStored: { input: DeleteRequest; progress: never; output: null };
  counters: { input: Record<string, never>; progress: never; output: EngineCounters };
}

export type JobName = keyof Jobs;
/** 'at-once': answered without waiting for anything. */
export type Lane = 'interactive' | 'measuring' | 'background' | 'at-once';

/**
 * What a person waits for comes first; long jobs run in the background, give way after every step, and can be paused.
 * What is timed stands between: it gives way too, and nothing of the background runs beside it.
 * Every job is in here.
 */
export const LANES: Readonly<Record<JobName, Lane>> = {
  open: 'interactive',
  fingerprint: 'at-once',
  summarise: 'interactive',
  sample: 'interactive',
  export: 'interactive',
  times: 'measuring',
  analyze: 'background',
  plan: 'background',
  grid: 'background',
  features: 'background',
  checkIds: 'background',
  perceived: 'background',
  scores: 'background',
  heal: 'background',
  finishHealing: 'interactive',
  listStored: 'at-once',
  deleteStored: 'at-once',
  counters: 'at-once',
};

/** Jobs that work without an open pipeline; all others name theirs. */
export const FREE_JOBS: readonly JobName[] = ['open', 'counters', 'listStored', 'deleteStored'];

/** Page -> worker. */
export type Request =
  | {
      readonly [N in JobName]: {
        readonly type: 'job';
        readonly id: number;
        readonly job: N;
        readonly pipeline: PipelineId | undefined;
        readonly input: Jobs[N]['input'];
      };
    }[JobName]
  | { readonly type: 'cancel'; readonly id: number }
  /** Background jobs stop after their step, or go on. */
  | { readonly type: 'pause'; readonly paused: boolean }
  | { readonly type: 'ping' }
  /** For tests: takes the GPU device away, as a driver's crash would. */
  | { readonly type: 'lose-device' };

/** Worker -> page. */
export type Reply =
  | {
      readonly [N in JobName]: {
        readonly type: 'progress';
        readonly id: number;
        readonly job: N;
        readonly progress: Jobs[N]['progress'];
      };
    }[JobName]
  | {
      readonly [N in JobName]: {
        readonly type: 'done';
        readonly id: number;
        readonly job: N;
        readonly output: Jobs[N]['output'];
      };
    }[JobName]
  | { readonly type: 'failed'; readonly id: number; readonly error: PlainError }
  | { readonly type: 'cancelled'; readonly id: number }
  /** The answer to a ping. */
  | { readonly type: 'pong' }
  /** Once, first of all: the lock of that name is held until the worker ends, however it ends. */
  | { readonly type: 'alive'; readonly lock: string }
  /** Before and after work during which no ping can be answered; `call` where that is a call into the runtime. */
  | { readonly type: 'busy'; readonly busy: true; readonly call?: RuntimeCall }
  | { readonly type: 'busy'; readonly busy: false; readonly tookMs: number }
  /** The call that it is in asks something of the GPU, so that it is not stuck. */
  | { readonly type: 'getting-on' }
  /** A call into the runtime did not come back after its device was lost: this worker is of no use any more. */
  | { readonly type: 'hung' }
  | StatusReply;

/** Unasked: the device was lost and remade, the backend changed, or the worker died and was started again. */
export interface StatusReply {
  readonly type: 'status';
  readonly status?: BackendStatus;
  readonly event?: 'device-lost' | 'device-remade' | 'worker-restarting' | 'worker-restarted';
  /** With the end of a recovery: the pipeline that is open now, or why there is none. */
  readonly opened?: OpenedPipeline;
  readonly problem?: PlainError;
  /** With `worker-restarted`: a person ended what ran, or it ended the worker again, so that it is not begun anew unasked. */
  readonly stayIdle?: boolean;
}

/** The reason of an abort after which nobody waits: what was asked is out of date, or asked again. Any other is a person's "Stop". */
export const SUPERSEDED = new DOMException('Something newer was asked.', 'AbortError');

export interface JobOptions<N extends JobName> {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Jobs[N]['progress']) => void;
}

/**
 * What the page holds: one method per job. Aborting the signal cancels within one denoiser call and rejects with an
 * AbortError, after 5 s at the latest whatever the worker does. Jobs of a pipeline are those of the one opened last.
 */
export type EngineClient = {
  readonly [N in JobName]: (input: Jobs[N]['input'], options?: JobOptions<N>) => Promise<Jobs[N]['output']>;
} & {
  pauseBackground(paused: boolean): void;
  onStatus(listener: (reply: StatusReply) => void): () => void;
  /** For tests: takes the GPU device away. */
  loseDevice(): void;
  dispose(): void;
};
