/**
 * Sizes that depend on how many elements of a mask are not zero. Of one mask, those kept and those left out are as many as
 * it has: such sizes are written as sums of counts ("5-count(mask)"), which cancel when they are added. A symbol of an
 * exporter is no count; nothing is said of it here.
 */
import { present } from '../../errors/present';
import type { Dim } from '../model';

/** How many elements of the value of this name are not zero. */
export const countOf = (name: string): string =>
  `count(${name.replace(/[^\w./]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)})`;

export const isCounted = (dim: Dim): boolean => typeof dim === 'string' && dim.includes('count(');

/** A number and how often each count is in it. */
interface Sum {
  readonly constant: number;
  readonly counts: ReadonlyMap<string, number>;
}

/** The sum of dims, each taken `factor` times; null where one is neither a number nor made of counts. */
export function addCounted(dims: readonly Dim[], factors: readonly number[] = dims.map(() => 1)): Dim {
  let constant = 0;
  const counts = new Map<string, number>();
  for (const [i, dim] of dims.entries()) {
    const sum = parsed(dim);
    if (!sum) return null;
    const factor = present(factors[i]);
    constant += factor * sum.constant;
    for (const [count, times] of sum.counts) counts.set(count, (counts.get(count) ?? 0) + factor * times);
  }
  return written({ constant, counts });
}

const TERM = /([+-]?)(?:(\d+)\*)?(?:(\d+)|(count\([\w./%]*\)))/gy;
/** More terms than masks that a text is put together from. */
const mostTerms = 32;

function parsed(dim: Dim): Sum | undefined {
  if (typeof dim === 'number') return { constant: dim, counts: new Map() };
  if (dim === null || !isCounted(dim)) return undefined;
  let constant = 0;
  const counts = new Map<string, number>();
  TERM.lastIndex = 0;
  for (let terms = 0; TERM.lastIndex < dim.length; terms++) {
    const match = terms < mostTerms ? TERM.exec(dim) : null;
    if (!match) return undefined;
    const factor = (match[1] === '-' ? -1 : 1) * Number(match[2] ?? 1);
    if (match[4] === undefined) constant += factor * Number(match[3]);
    else counts.set(match[4], (counts.get(match[4]) ?? 0) + factor);
  }
  return { constant, counts };
}

function written({ constant, counts }: Sum): Dim {
  const terms = [...counts].filter(([, times]) => times !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  if (terms.length === 0) return constant;
  if (terms.length > mostTerms) return null;
  const text = terms.map(
    ([count, times]) => `${times < 0 ? '-' : '+'}${Math.abs(times) === 1 ? '' : `${Math.abs(times)}*`}${count}`,
  );
  return `${constant === 0 ? '' : constant}${text.join('')}`.replace(/^\+/, '');
}
