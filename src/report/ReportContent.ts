/** What a report tells, as plain data: whoever has measured fills it, the page or the command line. */
import type { BlockTree, Totals } from '../blocks/block';
import type { PairedTimes } from '../metrics/pairedTimes';
import type { Summary } from '../metrics/summarise';

export interface ReportContent {
  readonly model: string;
  /** SHA-256 over the pipeline's graphs with their weights and its scheduler, hex. */
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly madeAt: string;
  readonly version: string;
  readonly tree: BlockTree;
  readonly settings: readonly Fact[];
  /** Machine, runtime and versions. */
  readonly machine: readonly Fact[];
  readonly students: readonly ReportStudent[];
  readonly teacherStepMs?: number;
  readonly pairs: readonly ReportPair[];
  readonly scenes: readonly ReportScene[];
  readonly importance?: ReportImportance;
  /** Students that were kept beside those of the report. */
  readonly shelf?: readonly ReportShelved[];
  /** Two of the takes' sides over many prompts and seeds, beside the clips above. */
  readonly batch?: readonly ReportPair[];
  /** Lines for a shell that do the same again. */
  readonly commands: readonly string[];
  readonly notes: readonly string[];
}

export interface Fact {
  readonly name: string;
  readonly value: string;
}

export interface ReportStudent {
  readonly name: string;
  readonly dropped: readonly string[];
  /** With the parts of what was dropped. */
  readonly gone: readonly string[];
  readonly totals: { readonly teacher: Totals; readonly student: Totals };
  /** Median of a denoiser step. */
  readonly stepMs?: number;
  /** Of a step, measured in turns with the teacher's. */
  readonly times?: PairedTimes;
}

/** Two of the clips compared, over one prompt and seed or many. */
export interface ReportPair {
  readonly reference: string;
  readonly candidate: string;
  readonly figures: readonly ReportFigure[];
  /** Prompts and seeds by their error, the worst first. */
  readonly worst: readonly { readonly prompt: string; readonly seed: number; readonly meanSquaredError: number }[];
}

export interface ReportFigure {
  readonly name: string;
  readonly unit: string;
  readonly of: 'both' | 'content' | 'motion';
  /** Of one clip; null where it is not defined. Infinite PSNR: identical. */
  readonly value?: number | null;
  /** Of many clips; null where none has the figure. */
  readonly summary?: Summary | null;
}

/** The clips of one prompt and seed. */
export interface ReportScene {
  readonly prompt: string;
  readonly seed: number;
  readonly clips: readonly ReportClip[];
}

export interface ReportClip {
  readonly name: string;
  /** Data URLs: the clip as it moves, and some of its frames in a row. */
  readonly moving: string;
  readonly frames: string;
  readonly width: number;
  readonly height: number;
  readonly frameCount: number;
}

/** A student of the shelf: what it drops and costs, and its figures on the take that it was measured on last. */
export interface ReportShelved {
  readonly name: string;
  readonly dropped: readonly string[];
  readonly isHealed: boolean;
  /** Data URL of a frame; null where none was sampled. */
  readonly thumbnail: string | null;
  /** Shares of the teacher's; null where they were not counted. */
  readonly macs: number | null;
  readonly parameters: number | null;
  readonly figures: {
    readonly prompt: string;
    readonly seed: number;
    /** Null: identical. */
    readonly psnr: number | null;
    readonly errorContent: number;
    readonly errorMotion: number;
  } | null;
}

export interface ReportImportance {
  /** What the damages are: of what, on how many clips. */
  readonly about: string;
  /** The paper's claim put to this model, a sentence. */
  readonly claim?: string;
  readonly units: readonly {
    readonly id: string;
    readonly content: number;
    readonly motion: number;
  }[];
}
