/** What a run of healing is given beside its settings, and what it gives. */
import type { Tensor } from '../../onnx/model';
import type { GenerateSettings, Picture } from '../GenerateSettings';
import type { HealProgress, HealSummary } from './healData';
import type { OwnClip } from './ownClips';

export interface HealOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: HealProgress) => void;
  /**
   * Awaited after every step, and before every call in between: lets what a person waits for go first, and pauses.
   * `beforePausing` writes the checkpoint: the person may be about to close the tab.
   */
  readonly turn?: (beforePausing: () => Promise<void>) => Promise<void>;
  /** Told around seconds of work in which no message is answered. */
  readonly onBusy?: (busy: boolean) => void;
  /** Looked at after every step: true ends it with what is best so far. */
  readonly finish?: () => boolean;
  readonly checkpoint?: CheckpointOptions;
  /** Bytes of a checkpoint of the same student and settings. */
  readonly resume?: Uint8Array;
  /** Clips of the student as it learns, after measurements, for a tenth of the time at most: told as progress. */
  readonly clip?: GenerateSettings;
  /** Learnt from in place of the teacher's sampling; named by `settings.ownClips`. */
  readonly clips?: readonly OwnClip[];
  /** Those that `settings.pictures` names, where the model begins with one. */
  readonly pictures?: readonly Picture[];
}

/** Written every so many steps, when `wanted` (looked at after every step), before a pause, and when the signal is aborted. */
export interface CheckpointOptions {
  readonly everySteps: number;
  wanted?(step: number): boolean;
  write(bytes: Uint8Array, at: { readonly step: number; readonly of: number }): Promise<void>;
}

export interface HealResult extends HealSummary {
  /** New weights by initializer; none where nothing was better than the untouched student. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}
