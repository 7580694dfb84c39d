/**
 * The jobs of the worker, in one declaration: message types, the client's methods and the worker's handlers
 * all derive from `Jobs`. Plain structured-cloneable data only; buffers are transferred, not copied.
 */
import type { Plan } from '../blocks/block';
import type { PlainError } from '../errors/StudioError';
import type { FolderReference } from '../library/Folder';
import type { OpenProgress } from '../pipeline/OpenProgress';
import type { LatentSize } from '../pipeline/PipelineDescription';
import type { BackendPreference, BackendStatus } from '../runtime/BackendStatus';
import type { ExportProgress, ExportRequest, ExportResult } from '../studio/exportData';
import type { GenerateProgress, GenerateRequest, GenerateResult } from '../studio/generateData';
import type { EngineCounters, OpenedPipeline, PlanSummary } from '../studio/openedData';

export type * from '../studio/exportData';
export type * from '../studio/generateData';
export type * from '../studio/openedData';
export type { BackendPreference, BackendStatus, OpenProgress };

export interface OpenRequest {
  readonly folder: FolderReference;
  readonly backend: BackendPreference;
  readonly latentSize?: LatentSize;
  /** Opens it without any session: what the runtime said when it was to run. */
  readonly withoutRunning?: string;
}

/** The one declaration. `progress: never` when a job reports none. */
export interface Jobs {
  open: { input: OpenRequest; progress: OpenProgress; output: OpenedPipeline };
  summarise: { input: { readonly plan: Plan }; progress: never; output: PlanSummary };
  generate: { input: GenerateRequest; progress: GenerateProgress; output: GenerateResult };
  export: { input: ExportRequest; progress: ExportProgress; output: ExportResult };
  counters: { input: Record<string, never>; progress: never; output: EngineCounters };
}

export type JobName = keyof Jobs;

/** Page -> worker. */
export type Request =
  | {
      readonly [N in JobName]: {
        readonly type: 'job';
        readonly id: number;
        readonly job: N;
        readonly input: Jobs[N]['input'];
      };
    }[JobName]
  | { readonly type: 'cancel'; readonly id: number };

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
  /** Unasked: the device was lost and remade, or the backend changed. */
  | { readonly type: 'status'; readonly status: BackendStatus; readonly event?: 'device-lost' | 'device-remade' };

/** What the page holds: one method per job. Aborting the signal cancels between steps and rejects with an AbortError. */
export type EngineClient = {
  readonly [N in JobName]: (
    input: Jobs[N]['input'],
    options?: { signal?: AbortSignal; onProgress?: (progress: Jobs[N]['progress']) => void },
  ) => Promise<Jobs[N]['output']>;
} & { onStatus(listener: (reply: Extract<Reply, { type: 'status' }>) => void): () => void; dispose(): void };
