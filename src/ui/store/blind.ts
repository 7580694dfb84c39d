/**
 * The blind test: two clips of one take, sides hidden and shuffled for every round, a question, a tally; who was who is
 * told at the end. With one student it stands against the teacher. Nothing of it is kept.
 */

import { create } from 'zustand';
import { present } from '../../errors/present';
import type { Clip } from '../../metrics/Clip';
import { type GenerateSettings, SUPERSEDED, TEACHER, type Variant } from '../../worker/protocol';
import { type Answer, answerOf } from '../shelf/tally';
import { engine, isAbort, showProblem } from './engine';
import { endRun } from './generate';
import { takesOf, useGrid } from './grid';
import { studentVariant } from './healed';
import { read, type StudioState } from './state';

export type Question = 'nearer' | 'better';

export interface BlindRound {
  readonly settings: GenerateSettings;
  /** The contestant that is on the left. */
  readonly left: 0 | 1;
  readonly clips: { readonly teacher: Clip; readonly contestants: readonly [Clip, Clip] };
}

export interface BlindState {
  readonly open: boolean;
  readonly question: Question;
  readonly names: readonly [string, string];
  readonly round: BlindRound | null;
  readonly answers: readonly { readonly settings: GenerateSettings; readonly answer: Answer }[];
  readonly revealed: boolean;
}

const closed: BlindState = {
  open: false,
  question: 'better',
  names: ['', ''],
  round: null,
  answers: [],
  revealed: false,
};

export const useBlind = create<BlindState>()(() => closed);
const set = useBlind.setState;

let controller: AbortController | null = null;
let contestants: readonly [Variant, Variant];
let takes: readonly GenerateSettings[] = [];

/** Where there are two students, both can be held against the teacher. */
export const canAskNearer = ({ second }: Pick<StudioState, 'second'>): boolean => second !== null;

/** Begins with the takes of the grid: its prompts and seeds, in an order of their own. */
export function startBlind(): void {
  const state = read();
  if (!state.open || state.open.cannotRun !== undefined) return;
  endRun(SUPERSEDED);
  const { second } = state;
  contestants = second ? [studentVariant(state), studentVariant(second)] : [TEACHER, studentVariant(state)];
  takes = shuffled(takesOf(state, useGrid.getState()));
  const names: readonly [string, string] = second ? ['Student A', `Student B, ${second.name}`] : ['Teacher', 'Student'];
  set({ ...closed, open: true, question: second ? 'nearer' : 'better', names });
  void nextRound();
}

/** Another question begins anew: its answers are not the other one's. */
export function askOther(question: Question): void {
  set({ question, answers: [], revealed: false });
  void nextRound();
}

/** Rounds beyond the grid's takes have seeds that nobody chose. */
function takeOfRound(round: number): GenerateSettings {
  const take = present(takes[round % takes.length]);
  return round < takes.length ? take : { ...take, seed: present(crypto.getRandomValues(new Uint32Array(1))[0]) };
}

async function nextRound(): Promise<void> {
  controller?.abort();
  const own = new AbortController();
  controller = own;
  set({ round: null });
  const settings = takeOfRound(useBlind.getState().answers.length);
  try {
    const three = [TEACHER, ...contestants].map((variant) => ({ variant, settings }));
    const { clips } = await engine.sample({ takes: three, previewEvery: 0 }, { signal: own.signal });
    if (controller !== own) return;
    const left = (present(crypto.getRandomValues(new Uint8Array(1))[0]) & 1) as 0 | 1;
    set({
      round: {
        settings,
        left,
        clips: { teacher: present(clips[0]), contestants: [present(clips[1]), present(clips[2])] },
      },
    });
  } catch (thrown) {
    if (controller !== own || isAbort(thrown)) return;
    closeBlind();
    showProblem(thrown, 'generate');
  }
}

export function answerBlind(side: 'left' | 'right' | 'equal'): void {
  const { round, answers, revealed } = useBlind.getState();
  if (!round || revealed) return;
  const answer = answerOf(side, round.left);
  set({ answers: [...answers, { settings: round.settings, answer }] });
  void nextRound();
}

/** Ends the rounds and tells who was who. */
export function revealBlind(): void {
  controller?.abort();
  controller = null;
  set({ revealed: true, round: null });
}

export function closeBlind(): void {
  controller?.abort();
  controller = null;
  set(closed);
}

/** Fisher and Yates. */
function shuffled<T>(values: readonly T[]): readonly T[] {
  const result = [...values];
  for (let i = result.length - 1; i > 0; i--) {
    const j = present(crypto.getRandomValues(new Uint32Array(1))[0]) % (i + 1);
    [result[i], result[j]] = [present(result[j]), present(result[i])];
  }
  return result;
}
