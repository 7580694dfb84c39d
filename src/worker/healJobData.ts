/** What page and worker say of healing, as plain data: a run, and what this browser keeps of runs. */
import type { PlainError } from '../errors/StudioError';
import type { GenerateSettings } from '../studio/GenerateSettings';
import type {
  HealCurves,
  HealingClip,
  HealOutcome,
  HealProgress,
  HealRequest,
  HealSettings,
  HealSummary,
  HeldOutPoint,
} from '../studio/healing/healData';
import type { Edit, WeightsId } from '../studio/Variant';

export interface HealJobRequest extends HealRequest {
  /** Goes on from here; `edit` and `settings` are those of the checkpoint. */
  readonly from?: CheckpointId;
  /** Clips of these settings show teacher, student before, and student now. */
  readonly clip?: GenerateSettings;
}

/** Beside the healing's own: what its run in the worker has to say. */
export type HealReport =
  | HealProgress
  /** Curves and time of the run that it goes on from. */
  | { readonly phase: 'resumed'; readonly curves: HealCurves; readonly seconds: number }
  | { readonly phase: 'first-clips'; readonly teacher: HealingClip['clip']; readonly before: HealingClip['clip'] }
  | { readonly phase: 'kept'; readonly step: number; readonly sizeBytes: number }
  /** No checkpoint could be written; the run goes on without. */
  | { readonly phase: 'not-kept'; readonly problem: PlainError };

export interface HealJobOutcome extends HealOutcome {
  /** Why the weights end with this visit. */
  readonly unstored?: PlainError;
}

/** A student with weights of its own. Deleted only when asked to. */
export interface StoredStudent {
  readonly weights: WeightsId;
  /** Of the pipeline that it is a student of. */
  readonly fingerprint: string;
  /** Name of that pipeline. */
  readonly model: string;
  /** What it was healed from: its cut, and whose weights it began with. */
  readonly edit: Edit;
  /** With thinned curves. */
  readonly summary: HealSummary;
  readonly sizeBytes: number;
  readonly storedAtMs: number;
}

export type CheckpointId = string;

/** A run that was ended before its end: by a reload, a killed tab, a lost device. */
export interface StoredCheckpoint {
  readonly id: CheckpointId;
  readonly fingerprint: string;
  readonly model: string;
  readonly edit: Edit;
  readonly settings: HealSettings;
  /** Updates done, and planned. */
  readonly step: number;
  readonly of: number;
  readonly before: HeldOutPoint;
  readonly best: HeldOutPoint;
  readonly sizeBytes: number;
  readonly storedAtMs: number;
}

/** The latest first. */
export interface StoredHealing {
  readonly students: readonly StoredStudent[];
  readonly checkpoints: readonly StoredCheckpoint[];
  /** Of students; checkpoints make room for one another. */
  readonly studentBytes: number;
  readonly studentBudgetBytes: number;
}

export type DeleteRequest =
  | { readonly kind: 'student'; readonly weights: WeightsId }
  | { readonly kind: 'checkpoint'; readonly id: CheckpointId };
