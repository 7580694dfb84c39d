/** What the answers of a blind test come to: counts by contestant, and only the verdict that their interval holds. */
import { shareInterval } from '../../metrics/shareInterval';

/** What was answered: the contestant, or neither. */
export type Answer = 0 | 1 | 'equal';

export interface Tally {
  readonly wins: readonly [number, number];
  readonly equal: number;
}

/** Who was meant by a side, where the contestant `left` stood on the left. */
export function answerOf(side: 'left' | 'right' | 'equal', left: 0 | 1): Answer {
  if (side === 'equal') return 'equal';
  return side === 'left' ? left : left === 0 ? 1 : 0;
}

export function tallyOf(answers: readonly { readonly answer: Answer }[]): Tally {
  const count = (wanted: Answer) => answers.filter(({ answer }) => answer === wanted).length;
  return { wins: [count(0), count(1)], equal: count('equal') };
}

/** The contestant that was chosen more often, by the 95 % interval of its share; null while a coin could have done it. */
export function chosenOf({ wins }: Tally): 0 | 1 | null {
  const [low, high] = shareInterval(wins[0], wins[0] + wins[1]);
  return low > 0.5 ? 0 : high < 0.5 ? 1 : null;
}
