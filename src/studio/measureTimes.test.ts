/** Times on a clock whose delays are planted: nothing here depends on how fast this machine is. */
import { describe, expect, it } from 'vitest';
import { medianInterval, type PairedTimes, pairedTimes } from '../metrics/pairedTimes';
import { measurePairs } from './measureTimes';

/** mulberry32: 0..1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A machine on which a step takes so long, slower by and by, now and then held up, the first run of each far slower. */
function machine(seed: number, referenceMs: number, candidateMs: number) {
  const next = random(seed);
  let nowMs = 0;
  let runs = 0;
  const run = (ms: number) => async () => {
    const drift = 1 + 0.02 * runs;
    const held = next() < 0.1 ? 1.5 : 1;
    nowMs += ms * (runs < 2 ? 4 : drift * held * (1 + 0.06 * (next() - 0.5)));
    runs++;
  };
  return { reference: run(referenceMs), candidate: run(candidateMs), now: () => nowMs, runs: () => runs };
}

async function timesOf(seed: number): Promise<PairedTimes> {
  const { reference, candidate, now } = machine(seed, 100, 70);
  return (await measurePairs(reference, candidate, { now }))!;
}

describe('times', () => {
  it('find the planted ratio within the spread they show, and agree with themselves', async () => {
    let [held, agreed] = [0, 0];
    const of = 200;
    for (let seed = 1; seed <= of; seed++) {
      const [first, again] = [await timesOf(seed), await timesOf(seed + 1000)];
      expect(first.ratio.median).toBeGreaterThan(0.62);
      expect(first.ratio.median).toBeLessThan(0.78);
      if (first.ratio.low <= 0.7 && 0.7 <= first.ratio.high) held++;
      if (first.ratio.low <= again.ratio.high && again.ratio.low <= first.ratio.high) agreed++;
    }
    expect(held / of).toBeGreaterThan(0.85);
    expect(agreed / of).toBeGreaterThan(0.98);
  });

  it('throw the first run of each away, and show nothing below five pairs', async () => {
    const seen: (number | undefined)[] = [];
    const { reference, candidate, now, runs } = machine(3, 100, 70);
    const times = await measurePairs(reference, candidate, {
      now,
      onProgress: ({ times: soFar }) => seen.push(soFar?.pairs),
    });
    expect(seen.slice(0, 5)).toEqual([undefined, undefined, undefined, undefined, 5]);
    expect(runs()).toBe(2 + 2 * times!.pairs);
    expect(times!.referenceMs).toBeLessThan(200); // the warm-up took 400
    expect(await measurePairs(reference, candidate, { now, mostPairs: 4 })).toBeNull();
  });

  it('throw pairs away in which something else ran', async () => {
    const { reference, candidate, now, runs } = machine(5, 100, 70);
    let turns = 0;
    const times = await measurePairs(reference, candidate, {
      now,
      turn: async () => void turns++,
      alone: () => turns % 2 === 0,
    });
    expect(runs()).toBe(2 + 2 * (turns - 1));
    expect(times!.pairs).toBeLessThan(turns - 1);
  });

  it('stop when told to', async () => {
    const abort = new AbortController();
    const { reference, candidate, now, runs } = machine(7, 100, 70);
    const onProgress = () => abort.abort();
    await expect(measurePairs(reference, candidate, { now, onProgress, signal: abort.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(runs()).toBe(4);
  });
});

describe('the interval of a median', () => {
  it('is that of order statistics: tables of the sign test', () => {
    const to = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
    // ranks of the 90 % interval, from the binomial distribution (e.g. Conover, table A3)
    const expected = { 5: [1, 5], 6: [1, 6], 7: [1, 7], 8: [2, 7], 11: [3, 9], 15: [4, 12], 20: [6, 15] };
    for (const [n, bounds] of Object.entries(expected)) {
      const { low, high } = medianInterval(to(Number(n)));
      expect([n, low, high]).toEqual([n, ...bounds]);
    }
  });

  it('is not there below five pairs', () => {
    expect(pairedTimes(Array.from({ length: 4 }, () => ({ referenceMs: 2, candidateMs: 1 })))).toBeNull();
  });
});
