/** What a generation is asked for, reports and gives: plain data. */
import type { Plan } from '../blocks/block';
import type { Clip, ClipComparison } from '../metrics/Clip';

export type Side = 'teacher' | 'student';

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
