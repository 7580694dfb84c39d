/** What is told of an opened pipeline: plain data. */
import type { BlockTree, Totals } from '../blocks/block';
import type { Preset } from '../blocks/presets';
import type { PipelineDescription } from '../pipeline/PipelineDescription';
import type { BackendStatus } from '../runtime/BackendStatus';

/** Counted by the engine since it started; tests rely on them. */
export interface EngineCounters {
  readonly sessionsCreated: number;
  /** Made and not released, those of self-tests and failed openings too. */
  readonly sessionsLiving: number;
  /** GPU devices that are neither given back nor lost. */
  readonly devicesLiving: number;
  readonly denoiserRuns: number;
  readonly deviceLosses: number;
  /** Bytes of tensors that went to the open pipeline's runtime and came back. */
  readonly movedBytes: number;
  /** How often the weights of a model were read to name it. */
  readonly fingerprintsMade: number;
}

/** Names an opened pipeline for as long as it is open: no two that a worker opened have the same. */
export type PipelineId = string;

/** What the map needs: known before any session is there. */
export interface MappedPipeline {
  readonly description: PipelineDescription;
  readonly tree: BlockTree;
  readonly presets: readonly Preset[];
}

export interface OpenedPipeline {
  readonly id: PipelineId;
  readonly description: PipelineDescription;
  readonly tree: BlockTree;
  readonly presets: readonly Preset[];
  /** The decoder's blocks, where it has any that can be told. Their ids stand in plans with 'decoder/' before them. */
  readonly decoder?: { readonly tree: BlockTree; readonly presets: readonly Preset[] };
  readonly status: BackendStatus;
  /** What it computes, as 64 hex digits (`studio/fingerprint.ts`): names what is kept. Null until something needs the name. */
  readonly fingerprint: string | null;
  /** Equal for models that may be the same, by sizes alone. */
  readonly outline: string;
  /** Present when the model does not run here, too large or refused by the runtime: why. Blocks, plans and exports work, clips do not. */
  readonly cannotRun?: string;
}

export interface PlanSummary {
  readonly teacher: Totals;
  readonly student: Totals;
  /** Of the decoder, where it has blocks. */
  readonly decoder?: { readonly teacher: Totals; readonly student: Totals };
  /** Ids of every block that is gone under the plan (children of dropped ones included). */
  readonly goneIds: readonly string[];
}
