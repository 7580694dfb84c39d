/** Chances that a seed decides, so that every case can be made again. */
export interface Random {
  /** A whole number from 0 to `below` - 1; 0 when there is none. */
  index(below: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
}

/** Mulberry32. */
export function seededRandom(seed: number): Random {
  let state = Math.imul(seed, 2654435761) | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const index = (below: number): number => Math.floor(next() * below);
  return { index, chance: (probability) => next() < probability, pick: (list) => list[index(list.length)]! };
}
