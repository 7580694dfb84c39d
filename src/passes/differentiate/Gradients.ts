/**
 * The gradients found so far: contributions to a value are summed over what was broadcast, and added up when the value is
 * asked for. Pieces of one value that lie side by side are put together instead of padded and added.
 */
import { present } from '../../errors/present';
import type { GraphWriter } from './GraphWriter';
import type { Contribution, Piece } from './Rule';

export class Gradients {
  private readonly whole = new Map<string, string[]>();
  private readonly pieces = new Map<string, Piece[]>();

  constructor(private readonly w: GraphWriter) {}

  add(name: string, contribution: Contribution): void {
    const { w } = this;
    if (typeof contribution !== 'string') {
      push(this.pieces, name, contribution);
      return;
    }
    const shape = w.shape(name);
    push(this.whole, name, w.expand(w.reduceTo(contribution, shape), shape));
  }

  has = (name: string): boolean => this.whole.has(name) || this.pieces.has(name);

  /** undefined where nothing contributed. */
  of(name: string): string | undefined {
    if (!this.has(name)) return undefined;
    const { w } = this;
    const parts = this.pieces.get(name) ?? [];
    const sums = [...(this.whole.get(name) ?? []), ...joined(w, w.shape(name), parts)];
    const sum = sums.reduce((a, b) => w.add(a, b));
    this.whole.set(name, [sum]);
    this.pieces.delete(name);
    return sum;
  }
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** Values of the whole shape, as few as the pieces allow. */
function joined(w: GraphWriter, shape: readonly number[], pieces: readonly Piece[]): string[] {
  const rows: Piece[][] = [];
  for (const piece of pieces.toSorted((a, b) => a.axis - b.axis || a.start - b.start)) {
    const row = rows.find((other) => present(other[0]).axis === piece.axis && present(other.at(-1)).end <= piece.start);
    if (row) row.push(piece);
    else rows.push([piece]);
  }
  return rows.map((row) => side(w, shape, row));
}

/** Pieces of one axis in order, none overlapping, with zeros between. */
function side(w: GraphWriter, shape: readonly number[], row: readonly Piece[]): string {
  const [{ axis }] = row as [Piece];
  const length = present(shape[axis]);
  if (row.length === 1) {
    const { start, end, value } = present(row[0]);
    const none = shape.map(() => 0);
    return w.pad(value, none.with(axis, start), none.with(axis, length - end));
  }
  const parts: string[] = [];
  let at = 0;
  for (const { start, end, value } of row) {
    if (start > at) parts.push(w.filled(shape.with(axis, start - at)));
    parts.push(value);
    at = end;
  }
  if (at < length) parts.push(w.filled(shape.with(axis, length - at)));
  return w.concat(parts, axis);
}
