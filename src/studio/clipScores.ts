/** Scores by VBench's formulas of clips that are at hand, in slices that give way: for jobs beside what a person waits for. */
import type { Clip } from '../metrics/Clip';
import { type VideoScores, videoScores } from '../metrics/vbench/videoScores';
import { nextTask } from '../runtime/nextTask';
import type { PerceivedOptions } from './perceivedDifference';

export type { VideoScores };

export interface ScoresRequest {
  readonly clips: readonly Clip[];
  readonly framesPerSecond: number;
}

/** In the order of the clips. Throws the signal's reason. */
export async function clipScores(
  { clips, framesPerSecond }: ScoresRequest,
  { signal, turn }: PerceivedOptions,
): Promise<readonly VideoScores[]> {
  const pause = async (): Promise<void> => {
    await nextTask();
    await turn?.();
    signal?.throwIfAborted();
  };
  const scores: VideoScores[] = [];
  for (const clip of clips) scores.push(await videoScores(clip, framesPerSecond, {}, pause));
  return scores;
}
