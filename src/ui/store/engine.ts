/** The page's one engine client, and how its failures reach the screen. Only the actions of this folder use it. */

import { StudioError } from '../../errors/StudioError';
import { createEngineClient } from '../../worker/client';
import { type Activity, type Problem, write } from './state';

export const engine = createEngineClient();

export function isAbort(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === 'AbortError';
}

export function showProblem(thrown: unknown, during: Activity, refused?: Problem['refused']): void {
  const error = StudioError.from(thrown);
  if (error.code === 'internal') console.error(error);
  write({ problem: { error: error.toPlain(), during, ...(refused ? { refused } : {}) } });
}

export function dismissProblem(): void {
  write({ problem: null });
}

let noticeTimer: ReturnType<typeof setTimeout> | undefined;

/** A sentence at the edge of the screen that goes away by itself. */
export function showNotice(notice: string): void {
  clearTimeout(noticeTimer);
  write({ notice });
  noticeTimer = setTimeout(() => write({ notice: null }), 6000);
}
