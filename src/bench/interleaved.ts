/** Two things timed in turns on one machine, so that whatever else runs there slows both; and their medians. */

export interface Comparison {
  readonly name: string;
  readonly first: Timed;
  readonly second: Timed;
  /** Repeats of each. */
  readonly n: number;
  /** What else must be known to read the ratio. */
  readonly note?: string;
}

export interface Timed {
  readonly what: string;
  readonly median: number;
  readonly unit: 'ms' | 'MB' | 'dispatches';
}

export const ratioOf = ({ first, second }: Comparison): number => first.median / second.median;

/** Each function returns its own measurement. One unrecorded turn first; then the order changes every turn. */
export async function interleaved(
  n: number,
  first: () => Promise<number>,
  second: () => Promise<number>,
): Promise<[number, number]> {
  const a: number[] = [];
  const b: number[] = [];
  await first();
  await second();
  for (let turn = 0; turn < n; turn++) {
    if (turn % 2 === 0) a.push(await first());
    b.push(await second());
    if (turn % 2 === 1) a.push(await first());
  }
  return [median(a), median(b)];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Milliseconds that `work` takes. */
export async function timeMs(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
