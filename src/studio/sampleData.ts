/** What a sampling is asked for, reports and gives: plain data. Lists are in the order of the request's takes. */
import type { Clip, ClipComparison } from '../metrics/Clip';
import type { Take } from './Variant';

export interface SampleRequest {
  /** Sampled step by step together. The first is the reference of every comparison. Equal takes are run once. */
  readonly takes: readonly Take[];
  /**
   * Decode a preview every n steps, or when all previews together take at most a tenth of the steps' time; the last
   * step is always decoded. 0: only the last.
   */
  readonly previewEvery: number | 'affordable';
}

/** The content / motion split of an error, mean square per element. */
export interface LatentError {
  readonly content: number;
  readonly motion: number;
}

export interface SampleProgress {
  /** How many steps are done, of the longest take. */
  readonly step: number;
  readonly steps: number;
  /** Present when this step was decoded. */
  readonly clips: readonly (Clip | undefined)[];
  /** With the first take's clip; the first entry is always undefined. Where both have a clip of this step. */
  readonly comparisons: readonly (ClipComparison | undefined)[];
  /** Denoiser time of this step, both guidance branches together; undefined where nothing ran. */
  readonly stepMs: readonly (number | undefined)[];
  /** Of the latent against the first take's, at this step. */
  readonly latentErrors: readonly (LatentError | undefined)[];
}

export interface SampleResult {
  readonly takes: readonly Take[];
  readonly clips: readonly Clip[];
  readonly comparisons: readonly (ClipComparison | undefined)[];
  /** Median denoiser time of a step, of the run that made the clip. */
  readonly medianStepMs: readonly number[];
  readonly decodeMs: readonly number[];
  /** Takes whose clip was kept from an earlier request: nothing ran for them. */
  readonly kept: readonly boolean[];
}
