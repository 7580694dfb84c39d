import { describe, expect, it } from 'vitest';
import { answerOf, chosenOf, tallyOf } from './tally';

describe('the blind test', () => {
  it('counts by contestant, whatever the side', () => {
    expect(answerOf('left', 0)).toBe(0);
    expect(answerOf('right', 0)).toBe(1);
    expect(answerOf('left', 1)).toBe(1);
    expect(answerOf('right', 1)).toBe(0);
    expect(answerOf('equal', 1)).toBe('equal');
    const answers = ([0, 1, 'equal', 0, 0] as const).map((answer) => ({ answer }));
    expect(tallyOf(answers)).toEqual({ wins: [3, 1], equal: 1 });
  });

  it('is decided only where the interval leaves out a half', () => {
    const chosen = (a: number, b: number) => chosenOf({ wins: [a, b], equal: 0 });
    expect(chosen(3, 0)).toBeNull(); // 0.44 to 1
    expect(chosen(4, 0)).toBe(0); // 0.51 to 1
    expect(chosen(0, 4)).toBe(1);
    expect(chosen(7, 3)).toBeNull();
    expect(chosen(15, 5)).toBe(0);
    expect(chosen(0, 0)).toBeNull();
  });
});
