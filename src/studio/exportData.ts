/** What an export is asked for, reports and gives: plain data. */

import type { Totals } from '../blocks/block';
import type { ComponentId } from '../blocks/plan';
import type { GenerateSettings } from './GenerateSettings';
import type { Variant } from './Variant';

export type ExportFormat = 'onnx' | 'onnx-external' | 'pipeline-zip';

/** Where the person wants the export: one file (formats of one file), or a folder that takes a graph and its weights. */
export type PickedPlace =
  | { readonly kind: 'file'; readonly handle: FileSystemFileHandle }
  | { readonly kind: 'folder'; readonly handle: FileSystemDirectoryHandle };

export interface ExportRequest {
  readonly variant: Variant;
  /** Which component's graph; the denoiser's when absent. A zip holds the whole pipeline, every edited component in it. */
  readonly component?: ComponentId;
  readonly format: ExportFormat;
  /** How the files are called, without an ending; by model and whether anything is dropped when absent. */
  readonly name?: string;
  /** Verification runs one denoiser call on this seed's noise with these settings' first step; the graph's metadata hold them. */
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
  /** Largest |student|: a difference is judged beside it. */
  readonly scale: number;
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
