/** Numbers as a report writes them. */

/** Four significant digits, no exponent for what people read without one. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return 'not defined';
  if (!Number.isFinite(value)) return value > 0 ? 'identical' : 'not finite';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e6) return value.toExponential(2).replace('e-', 'e−').replace('e+', 'e');
  return String(Number(value.toPrecision(4)));
}

/** 1234567 -> "1.23 M". */
export function amount(value: number, unit = ''): string {
  const prefixes = ['', 'k', 'M', 'G', 'T', 'P'];
  let [scaled, prefix] = [value, 0];
  while (Math.abs(scaled) >= 999.5 && prefix < prefixes.length - 1) [scaled, prefix] = [scaled / 1000, prefix + 1];
  return `${Number(scaled.toPrecision(3))} ${prefixes[prefix]}${unit}`.trimEnd();
}

export const percent = (share: number): string =>
  Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : 'not defined';
