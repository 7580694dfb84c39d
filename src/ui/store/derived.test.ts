import { describe, expect, it } from 'vitest';
import { comparisonStanding, isCurrent, isOfOtherSettings, standing } from './derived';
import { initialState, type ShownClip, type StudioState } from './state';

const settings = { prompt: 'a cat', seed: 1, steps: 4, guidance: 2 };
const clip = { frameCount: 1, width: 1, height: 1, pixels: new Uint8ClampedArray(4) };
const shown = (change: Partial<ShownClip> = {}): ShownClip => ({
  clip,
  settings,
  plan: { dropped: [] },
  step: 4,
  steps: 4,
  ...change,
});
const state = (change: Partial<StudioState>): StudioState => ({ ...initialState, settings, ...change });

describe('where a side stands', () => {
  it('is done only for finished clips of the wanted settings and plan', () => {
    const both = { teacher: shown(), student: shown() };
    expect(standing(state({ shown: both }), 'student')).toBe('done');
    expect(standing(state({ shown: both, plan: { dropped: ['a'] } }), 'student')).toBe('stale');
    expect(standing(state({ shown: both, plan: { dropped: ['a'] } }), 'teacher')).toBe('done');
    expect(standing(state({ shown: both, settings: { ...settings, seed: 2 } }), 'teacher')).toBe('stale');
    expect(isCurrent(state({ shown: { student: shown({ step: 2 }) } }), 'student')).toBe(false);
  });

  it('tells empty, queued and running apart; a kept teacher is not running', () => {
    expect(standing(state({}), 'student')).toBe('empty');
    expect(standing(state({ runPending: true }), 'student')).toBe('queued');
    const plan = { dropped: ['a'] };
    const run = { settings, plan, withTeacher: false, step: 1, steps: 4 };
    const running = state({ run, plan, shown: { teacher: shown(), student: shown() } });
    expect(standing(running, 'student')).toBe('running');
    expect(standing(running, 'teacher')).toBe('done');
  });
});

describe('clips of other settings', () => {
  it('are told whatever runs meanwhile, the student of another plan too', () => {
    const both = { teacher: shown(), student: shown() };
    const run = { settings: { ...settings, seed: 2 }, plan: { dropped: [] }, withTeacher: true, step: 0, steps: 4 };
    const other = state({ shown: both, run, settings: { ...settings, seed: 2 } });
    expect([isOfOtherSettings(other, 'teacher'), isOfOtherSettings(other, 'student')]).toEqual([true, true]);
    const cut = state({ shown: both, plan: { dropped: ['a'] } });
    expect([isOfOtherSettings(cut, 'teacher'), isOfOtherSettings(cut, 'student')]).toEqual([false, true]);
    expect(isOfOtherSettings(state({ shown: both }), 'student')).toBe(false);
    expect(isOfOtherSettings(state({}), 'student')).toBe(false);
  });

  it('leave their figures stale, a preview of what is wanted does not', () => {
    const value = {} as never;
    const made = { value, settings, plan: { dropped: [] }, step: 2, steps: 4 };
    expect(comparisonStanding(state({ comparison: made }))).toBe('preview');
    expect(comparisonStanding(state({ comparison: made, plan: { dropped: ['a'] } }))).toBe('stale');
    expect(comparisonStanding(state({ comparison: { ...made, step: 4 } }))).toBe('done');
    expect(comparisonStanding(state({}))).toBe('empty');
  });
});
