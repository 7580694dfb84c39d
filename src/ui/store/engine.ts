/** The page's one engine client, and how its failures reach the screen. Only the actions of this folder use it. */

import { StudioError } from '../../errors/StudioError';
import { createEngineClient } from '../../worker/client';
import { type Activity, type Problem, write } from './state';

export const engine = createEngineClient();

export function isAbort(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === 'AbortError';
}

/** The GPU or the engine went away while something was done, which can be done again when they are back. */
export function isInterruption(thrown: unknown): boolean {
  return thrown instanceof StudioError && (thrown.code === 'gpu/lost' || thrown.code === 'engine/stopped');
}

/** Losses that one piece of work outlives. */
const MOST_INTERRUPTIONS = 2;

/** Begins anew what a lost GPU or a stopped engine interrupted: the client waits until they are back. */
export async function despiteLosses<T>(work: () => Promise<T>): Promise<T> {
  for (let interruption = 1; ; interruption++) {
    try {
      return await work();
    } catch (thrown) {
      if (!isInterruption(thrown) || interruption > MOST_INTERRUPTIONS) throw thrown;
    }
  }
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
