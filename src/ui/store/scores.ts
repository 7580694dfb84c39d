/** The clips' own scores by VBench's formulas: measured when asked for, in the background; they belong to those clips. */

import { create } from 'zustand';
import { present } from '../../errors/present';
import type { Clip } from '../../metrics/Clip';
import type { VideoScores } from '../../metrics/vbench/videoScores';
import { SUPERSEDED } from '../../worker/protocol';
import { isComparisonCurrent } from './derived';
import { engine, isAbort, showProblem } from './engine';
import { read } from './state';

interface ScoresState {
  readonly measured: {
    readonly teacher: Clip;
    readonly student: Clip;
    readonly scores: readonly [VideoScores, VideoScores];
  } | null;
  readonly measuring: boolean;
}

export const useScores = create<ScoresState>()(() => ({ measured: null, measuring: false }));

let controller: AbortController | null = null;

/** Of the finished clips on screen; a newer question replaces an older one. */
export async function measureScores(): Promise<void> {
  const state = read();
  const { open, shown } = state;
  const [teacher, student] = [shown.teacher?.clip, shown.student?.clip];
  if (!open || !teacher || !student || !isComparisonCurrent(state)) return;
  controller?.abort(SUPERSEDED);
  const own = new AbortController();
  controller = own;
  useScores.setState({ measuring: true });
  try {
    const { framesPerSecond } = open.description;
    const request = { clips: [teacher, student], framesPerSecond };
    const [first, second] = await engine.scores(request, { signal: own.signal });
    if (controller === own)
      useScores.setState({ measured: { teacher, student, scores: [present(first), present(second)] } });
  } catch (thrown) {
    if (controller === own && !isAbort(thrown)) showProblem(thrown, 'generate');
  }
  if (controller === own) useScores.setState({ measuring: false });
}
