/** What follows from the store: whether a clip still shows what is wanted, and where each side stands. */

import type { GenerateSettings } from '../../worker/protocol';
import { sameStudent } from './healed';
import type { Run, ShownClip, Side, StudioState } from './state';

export function sameSettings(a: GenerateSettings, b: GenerateSettings): boolean {
  const equal = a.prompt === b.prompt && a.seed === b.seed && a.steps === b.steps && a.guidance === b.guidance;
  return equal && a.image?.key === b.image?.key;
}

/** A finished clip of the wanted settings (and, for the student, of the wanted plan). */
export function isCurrent(state: StudioState, side: Side): boolean {
  const shown = state.shown[side];
  if (!shown || shown.step < shown.steps || !sameSettings(shown.settings, state.settings)) return false;
  return isOfSide(state, side, shown);
}

/** Whether a clip is of who stands on that side now. */
function isOfSide(state: StudioState, side: Side, shown: ShownClip): boolean {
  if (side === 'teacher') return true;
  const student = side === 'second' ? state.second : state;
  return student !== null && sameStudent(shown, student);
}

function isSampled({ withTeacher, withSecond }: Run, side: Side): boolean {
  return side === 'student' || (side === 'teacher' ? withTeacher : withSecond === true);
}

/** The sides that are on screen. */
export function sidesOf({ second }: Pick<StudioState, 'second'>): readonly Side[] {
  return second ? three : two;
}
const two: readonly Side[] = ['teacher', 'student'];
const three: readonly Side[] = ['teacher', 'student', 'second'];

/** What a side is called: students get letters only where there are two. */
export function sideName({ second }: Pick<StudioState, 'second'>, side: Side): string {
  if (side === 'teacher') return 'Teacher';
  if (side === 'second') return 'Student B';
  return second ? 'Student A' : 'Student';
}

/**
 * empty: nothing to show yet; queued: a run is about to start; running: being sampled; stale: shows something else
 * than what is wanted; stored: shows what is wanted, made elsewhere, until a model is open; done: shows what is wanted.
 */
export type SideStanding = 'empty' | 'queued' | 'running' | 'stale' | 'stored' | 'done';

export function standing(state: StudioState, side: Side): SideStanding {
  if (isCurrent(state, side)) return 'done';
  if (state.run && isSampled(state.run, side)) return 'running';
  if (state.runPending) return 'queued';
  if (!state.shown[side]) return 'empty';
  return !state.open && !isOfOtherSettings(state, side) ? 'stored' : 'stale';
}

/** The clip on screen was made with other settings, or the student's with another plan, than what is wanted now. */
export function isOfOtherSettings(state: StudioState, side: Side): boolean {
  const shown = state.shown[side];
  if (!shown) return false;
  return !sameSettings(shown.settings, state.settings) || !isOfSide(state, side, shown);
}

/** preview: of what is wanted, but not sampled to the end; stale: of something else. */
export function comparisonStanding(state: StudioState): 'empty' | 'preview' | 'stale' | 'done' {
  const shown = state.comparison;
  if (!shown) return 'empty';
  if (isComparisonCurrent(state)) return 'done';
  return sameSettings(shown.settings, state.settings) && sameStudent(shown, state) ? 'preview' : 'stale';
}

/** The comparison on screen is of finished clips of the wanted settings and plan. */
export function isComparisonCurrent(state: StudioState): boolean {
  const shown = state.comparison;
  return (
    shown !== null &&
    shown.step === shown.steps &&
    sameSettings(shown.settings, state.settings) &&
    sameStudent(shown, state)
  );
}

/** Frames of what is on screen; 0 before the first clip. */
export function frameCount(state: StudioState): number {
  return state.shown.teacher?.clip.frameCount ?? state.shown.student?.clip.frameCount ?? 0;
}
