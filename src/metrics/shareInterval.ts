/**
 * How sure a share of yes-or-no answers is: Wilson's score interval (E. B. Wilson, JASA 22, 1927), which stays within
 * 0..1 and keeps its meaning for few answers and for none of one kind.
 */

/** Of the standard normal distribution, for 95 %. */
const Z = 1.959963984540054;

/** 95 % interval of the share behind `successes` of `trials`; [0, 1] without any. Whole numbers, 0 <= successes <= trials. */
export function shareInterval(successes: number, trials: number): readonly [low: number, high: number] {
  if (trials === 0) return [0, 1];
  const share = successes / trials;
  const middle = share + Z ** 2 / (2 * trials);
  const half = Z * Math.sqrt((share * (1 - share)) / trials + Z ** 2 / (4 * trials ** 2));
  const scale = 1 + Z ** 2 / trials;
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}
