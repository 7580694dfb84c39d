/**
 * The jobs of the worker, in one declaration: message types, the client's methods and the worker's handlers
 * all derive from `Jobs`. Plain structured-cloneable data only; buffers are transferred, not copied.
 */
import type { BlockTree, Plan, Preset, Totals } from '../blocks/block';
import type { LatentSize, PipelineDescription } from '../diffusion/PipelineDescription';
import type { FolderReference } from '../library/Folder';
import type { Clip, ClipComparison } from '../metrics/Clip';
import type { PlainError } from '../errors/StudioError';

export type Side = 'teacher' | 'student';

export interface BackendStatus {
  readonly backend: 'webgpu' | 'wasm';
  /** Why this one, for people: "WebGPU: adapter X", "WASM: the only WebGPU adapter is a software one (SwiftShader)". */
  readonly reason: string;
  readonly adapter?: string;
  readonly threads: number;
  readonly crossOriginIsolated: boolean;
  /** The self-test's largest difference from WASM; absent when the backend is WASM itself. */
  readonly selfTestMaxDifference?: number;
}

/** Counted by the engine since it started; tests rely on them. */
export interface EngineCounters {
  readonly sessionsCreated: number;
  readonly denoiserRuns: number;
  readonly deviceLosses: number;
}

export type BackendPreference = 'auto' | 'webgpu' | 'wasm';

export interface OpenRequest {
  readonly folder: FolderReference;
  readonly backend: BackendPreference;
  readonly latentSize?: LatentSize;
  /** Opens it without any session: what the runtime said when it was to run. */
  readonly withoutRunning?: string;
}

export interface OpenProgress {
  readonly phase: 'fetch' | 'parse' | 'discover' | 'session' | 'self-test';
  readonly what: string; // 'unet/model.onnx'
  readonly loadedBytes: number;
  readonly totalBytes: number; // 0: unknown
}

export interface OpenedPipeline {
  readonly description: PipelineDescription;
  readonly tree: BlockTree;
  readonly presets: readonly Preset[];
  readonly status: BackendStatus;
  /** SHA-256 of the denoiser's graph file, hex: names plans and caches. */
  readonly fingerprint: string;
  /** Present when the model does not run here, too large or refused by the runtime: why. Blocks, plans and exports work, clips do not. */
  readonly cannotRun?: string;
}

export interface GenerateSettings {
  readonly prompt: string;
  readonly seed: number; // unsigned 32-bit
  readonly steps: number;
  readonly guidance: number; // 1: no guidance, one denoiser call per step
}

export interface GenerateRequest {
  readonly settings: GenerateSettings;
  readonly plan: Plan;
  /** Which sides to run. A kept teacher clip of equal settings is reused by the worker (its steps too). */
  readonly sides: readonly Side[];
  /** Decode a preview every n steps; the last step is always decoded. */
  readonly previewEvery: number;
}

export interface GenerateProgress {
  readonly step: number; // 1..steps, finished
  readonly steps: number;
  /** Present when this step was decoded. Buffers are transferred. */
  readonly clips: Partial<Record<Side, Clip>>;
  readonly comparison?: ClipComparison;
  /** Denoiser time of this step, both guidance branches together. */
  readonly stepMs: Partial<Record<Side, number>>;
  /** Content / motion split of the latent's error at this step (student - teacher), mean square per element. */
  readonly latentError?: { readonly content: number; readonly motion: number };
}

export interface GenerateResult {
  readonly settings: GenerateSettings;
  readonly plan: Plan;
  readonly clips: Partial<Record<Side, Clip>>;
  readonly comparison?: ClipComparison;
  readonly medianStepMs: Partial<Record<Side, number>>;
  readonly decodeMs: Partial<Record<Side, number>>;
  readonly teacherFromCache: boolean;
}

export interface PlanSummary {
  readonly teacher: Totals;
  readonly student: Totals;
  /** Ids of every block that is gone under the plan (children of dropped ones included). */
  readonly goneIds: readonly string[];
}

export type ExportFormat = 'onnx' | 'onnx-external' | 'pipeline-zip';

/** Where the person wants the export: one file (formats of one file), or a folder that takes a graph and its weights. */
export type PickedPlace =
  | { readonly kind: 'file'; readonly handle: FileSystemFileHandle }
  | { readonly kind: 'folder'; readonly handle: FileSystemDirectoryHandle };

export interface ExportRequest {
  readonly plan: Plan;
  readonly format: ExportFormat;
  /** Verification runs one denoiser call on this seed's noise with these settings' first step. */
  readonly settings: GenerateSettings;
  /** Absent: the files are put together in this browser and handed out as Blobs. */
  readonly place?: PickedPlace;
}

export interface ExportedFile {
  readonly name: string;
  readonly blob: Blob;
}

export interface ExportVerification {
  /** Largest and mean |exported - preview| over one denoiser output. */
  readonly maxDifference: number;
  readonly meanDifference: number;
  /** Largest |teacher - student| on the same input: what the cut changes, to compare the error with. */
  readonly cutEffect: number;
  readonly backend: 'webgpu' | 'wasm';
}

export interface ExportResult {
  /** Blobs to be handed out or, with a place, the files that lie there. */
  readonly files: readonly ExportedFile[];
  readonly planJson: string;
  readonly totals: { readonly teacher: Totals; readonly student: Totals };
  readonly fileBytes: number;
  readonly teacherFileBytes: number;
  readonly verification?: ExportVerification;
  /** Present where there is no verification: why the model itself does not run here. */
  readonly unverified?: string;
}

export interface ExportProgress {
  readonly phase: 'prune' | 'write' | 'reload' | 'verify' | 'pack' | 'save';
  readonly loadedBytes: number;
  readonly totalBytes: number;
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
  | { readonly [N in JobName]: { readonly type: 'job'; readonly id: number; readonly job: N; readonly input: Jobs[N]['input'] } }[JobName]
  | { readonly type: 'cancel'; readonly id: number };

/** Worker -> page. */
export type Reply =
  | { readonly [N in JobName]: { readonly type: 'progress'; readonly id: number; readonly job: N; readonly progress: Jobs[N]['progress'] } }[JobName]
  | { readonly [N in JobName]: { readonly type: 'done'; readonly id: number; readonly job: N; readonly output: Jobs[N]['output'] } }[JobName]
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
