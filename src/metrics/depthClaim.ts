/**
 * The paper's claim (arXiv 2411.18375) put to a model: shallow blocks carry content, deep ones motion. Measured as the
 * rank correlation between depth and the share of motion in the damage that a block's removal does. It says which kind
 * of damage goes with depth, not how large the damage is.
 */
import { present } from '../errors/present';

export interface DepthDamage {
  /** Larger is deeper: the resolution level of a U-Net, the position in a transformer. */
  readonly depth: number;
  readonly content: number;
  readonly motion: number;
}

export interface DepthClaim {
  /** Spearman's rank correlation of depth and motion's share of the damage. */
  readonly correlation: number;
  /** 95 % interval. */
  readonly interval: readonly [number, number];
  /** How many blocks did any damage, and were counted. */
  readonly blocks: number;
  /** By the interval: wholly above zero, wholly below, or neither. */
  readonly verdict: 'confirmed' | 'refuted' | 'undecided';
}

/** The fewest blocks of which an interval means anything. */
const FEWEST = 5;

interface Placed {
  readonly level: number;
  readonly depth: number;
}

/** Depth as the paper means it: the resolution level where the units have several, else the order of execution. */
export function depthOf(units: readonly Placed[]): (unit: Placed) => number {
  const hasLevels = units.some(({ level }) => level !== present(units[0]).level);
  return hasLevels ? ({ level }) => level : ({ depth }) => depth;
}

/** Null with too few blocks that do damage, or all of one depth. */
export function depthClaim(damages: readonly DepthDamage[]): DepthClaim | null {
  const counted = damages.filter(({ content, motion }) => content + motion > 0 && Number.isFinite(content + motion));
  const shares = counted.map(({ content, motion }) => motion / (content + motion));
  const correlation = spearman(
    counted.map(({ depth }) => depth),
    shares,
  );
  if (counted.length < FEWEST || !Number.isFinite(correlation)) return null;
  const interval = correlationInterval(correlation, counted.length);
  const verdict = interval[0] > 0 ? 'confirmed' : interval[1] < 0 ? 'refuted' : 'undecided';
  return { correlation, interval, blocks: counted.length, verdict };
}

/** Pearson's correlation of ranks, equal values sharing their mean rank; NaN where one side is constant. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [ranks(a), ranks(b)];
  const mean = (x.length + 1) / 2;
  let [product, squaresX, squaresY] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [present(x[i]) - mean, present(y[i]) - mean];
    product += dx * dy;
    squaresX += dx * dx;
    squaresY += dy * dy;
  }
  return product / Math.sqrt(squaresX * squaresY);
}

function ranks(values: readonly number[]): readonly number[] {
  const order = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value);
  const result = new Array<number>(values.length);
  for (let first = 0; first < order.length; ) {
    let last = first;
    while (last + 1 < order.length && present(order[last + 1]).value === present(order[first]).value) last++;
    for (let i = first; i <= last; i++) result[present(order[i]).index] = (first + last) / 2 + 1;
    first = last + 1;
  }
  return result;
}

/** Fisher's z with the standard error of Bonett and Wright (2000) for Spearman's coefficient. */
function correlationInterval(correlation: number, count: number): readonly [number, number] {
  const z = Math.atanh(Math.min(1 - 1e-12, Math.max(-1 + 1e-12, correlation)));
  const half = 1.96 * Math.sqrt((1 + correlation ** 2 / 2) / (count - 3));
  return [Math.tanh(z - half), Math.tanh(z + half)];
}
