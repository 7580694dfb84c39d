/** How far two runs of one output are apart: an export from its preview, a backend from its reference. */

export interface OutputDifference {
  /** Largest and mean |a - b|; NaN as soon as one value is not a number, infinite where the lengths differ. */
  readonly max: number;
  readonly mean: number;
}

export function outputDifference(a: Float32Array, b: Float32Array): OutputDifference {
  if (a.length !== b.length) return { max: Infinity, mean: Infinity };
  let max = 0;
  let sum = 0;
  for (let index = 0; index < a.length; index++) {
    const value = Math.abs((a[index] ?? NaN) - (b[index] ?? NaN));
    max = Math.max(max, value); // NaN on either side stays NaN
    sum += value;
  }
  return { max, mean: sum / a.length };
}
