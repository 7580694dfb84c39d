/**
 * ColorVideoVDP of the clips on screen: measured beside everything else once a run is done, where the clips are small,
 * else when it is asked for; given up at the next edit or run. It belongs to the comparison that it was measured with.
 */
import { create } from 'zustand';
import type { ColorVideoVdp } from '../../metrics/colorVideoVdp/colorVideoVdp';
import { SUPERSEDED } from '../../worker/protocol';
import { isComparisonCurrent } from './derived';
import { engine, isAbort, showProblem } from './engine';
import { read, type ShownComparison } from './state';

interface PerceivedState {
  readonly measured: { readonly of: ShownComparison; readonly value: ColorVideoVdp } | null;
  readonly measuring: boolean;
}

export const usePerceived = create<PerceivedState>()(() => ({ measured: null, measuring: false }));

/** A moment after a run, so that a quick next edit does not wait for a slice of this. */
const waitMs = 600;
/** Pixels of all frames that are measured without being asked: a second or so. */
const smallPixels = 128 * 128 * 32;

let controller: AbortController | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Stops measuring; what was measured stays. */
export function cancelPerceived(): void {
  clearTimeout(timer);
  controller?.abort(SUPERSEDED);
  controller = null;
  if (usePerceived.getState().measuring) usePerceived.setState({ measuring: false });
}

export function measurePerceivedSoon(): void {
  cancelPerceived();
  const { comparison, shown } = read();
  const clip = shown.teacher?.clip;
  if (!comparison || !clip || comparison.plan.dropped.length === 0) return;
  if (clip.frameCount * clip.width * clip.height > smallPixels) return;
  timer = setTimeout(() => void measurePerceived(), waitMs);
}

/** Of the finished clips on screen; nothing happens where there are none. */
export async function measurePerceived(): Promise<void> {
  cancelPerceived();
  const state = read();
  const { comparison: of, shown, open } = state;
  if (!open || !of || !shown.teacher || !shown.student || !isComparisonCurrent(state)) return;
  if (usePerceived.getState().measured?.of === of) return;
  const own = new AbortController();
  controller = own;
  usePerceived.setState({ measuring: true });
  try {
    const { framesPerSecond } = open.description;
    const request = { reference: shown.teacher.clip, candidate: shown.student.clip, framesPerSecond };
    const value = await engine.perceived(request, { signal: own.signal });
    if (controller === own) usePerceived.setState({ measured: { of, value } });
  } catch (thrown) {
    if (controller === own && !isAbort(thrown)) showProblem(thrown, 'generate');
  }
  if (controller === own) usePerceived.setState({ measuring: false });
}
