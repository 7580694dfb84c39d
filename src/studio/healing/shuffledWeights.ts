/**
 * Where a student begins that learnt nothing from its teacher: the values of each trained weight in another order. What stays
 * is each weight's mean and scale, which is a better beginning than most initialisations are; so whatever the teacher's own
 * weights gain over it, they gain at least.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { ParameterLayout } from '../../passes/training/parameters';
import { type PhiloxKey, philox } from '../../pipeline/seededNoise';

const STREAM = 0x73687566;

/** `flat` as `layout` says. Fisher-Yates within each weight; the same for the same seed. */
export function shuffledWeights(flat: Float32Array, { parameters }: ParameterLayout, seed: number): Float32Array {
  const shuffled = flat.slice();
  const key: PhiloxKey = [seed >>> 0, STREAM];
  for (const { offset, length } of parameters) {
    for (let last = length - 1; last > 0; last--) {
      const at = offset + last;
      const [word] = philox([at, 0, 0, 0], key);
      const other = offset + Math.floor((word / 2 ** 32) * (last + 1));
      const value = shuffled[at]!;
      shuffled[at] = shuffled[other]!;
      shuffled[other] = value;
    }
  }
  return shuffled;
}
