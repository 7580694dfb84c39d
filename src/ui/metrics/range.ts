/** Vertical range of a chart: the values with a little air, ends rounded to numbers that fit a narrow axis. */
export type Bound = number | 'auto';

/** Infinite values are left out; equal values get room around them. A fixed bound stays as it is. */
export function chartRange(
  values: readonly number[],
  [low, high]: readonly [Bound, Bound],
  cap = Infinity,
): readonly [number, number] {
  const finite = values.filter(Number.isFinite);
  let bottom = low === 'auto' ? Math.min(...finite) : low;
  let top = high === 'auto' ? Math.max(...finite) : high;
  if (top - bottom < 1e-9) {
    const room = Math.max(1e-3, Math.abs(top) * 0.05);
    if (low === 'auto') bottom -= room;
    if (high === 'auto') top += low === 'auto' ? room : Math.max(room, 1);
  }
  const step = 10 ** Math.floor(Math.log10(Math.max(1e-12, top - bottom))) / 2;
  return [
    low === 'auto' ? roundTo(Math.floor(bottom / step) * step) : bottom,
    high === 'auto' ? Math.min(cap, roundTo(Math.ceil(top / step) * step)) : top,
  ];
}

const roundTo = (value: number): number => Number(value.toPrecision(10));
