/** ColorVideoVDP of two clips that are at hand, in slices that give way: for jobs beside what a person waits for. */
import type { Clip } from '../metrics/Clip';
import { type ColorVideoVdp, colorVideoVdp } from '../metrics/colorVideoVdp/colorVideoVdp';
import type { DisplayName } from '../metrics/colorVideoVdp/parameters';
import { nextTask } from '../runtime/nextTask';

export type { ColorVideoVdp };

export interface PerceivedRequest {
  readonly reference: Clip;
  readonly candidate: Clip;
  readonly framesPerSecond: number;
  /** Default: standard_4k. */
  readonly display?: DisplayName;
}

export interface PerceivedOptions {
  readonly signal?: AbortSignal;
  readonly turn?: () => Promise<void>;
}

/** Throws what `colorVideoVdp` throws, and the signal's reason. */
export async function perceivedDifference(
  { reference, candidate, framesPerSecond, display }: PerceivedRequest,
  { signal, turn }: PerceivedOptions,
): Promise<ColorVideoVdp> {
  const pause = async (): Promise<void> => {
    await nextTask();
    await turn?.();
    signal?.throwIfAborted();
  };
  await pause();
  return colorVideoVdp(reference, candidate, { framesPerSecond, pause, ...(display ? { display } : {}) });
}
