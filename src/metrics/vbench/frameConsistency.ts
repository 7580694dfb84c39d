/**
 * VBench's subject consistency, and with another feature model its background consistency: how alike each frame's
 * features are to those of the frame before and of the first. A frozen clip has 1: read it with the motion magnitude.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them

/** `rows`: one a frame. 1/(T-1) sum over t >= 2 of 1/2 [max(0, cos(d_t, d_(t-1))) + max(0, cos(d_t, d_1))]; 1 for one frame. */
export function frameConsistency(rows: readonly ArrayLike<number>[]): number {
  if (rows.length < 2) return 1;
  let sum = 0;
  for (let t = 1; t < rows.length; t++)
    sum += (Math.max(0, cosine(rows[t]!, rows[t - 1]!)) + Math.max(0, cosine(rows[t]!, rows[0]!))) / 2;
  return sum / (rows.length - 1);
}

/** 0 where one of them is nothing. */
function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, ofA, ofB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    ofA += a[i]! ** 2;
    ofB += b[i]! ** 2;
  }
  return ofA === 0 || ofB === 0 ? 0 : dot / Math.sqrt(ofA * ofB);
}
