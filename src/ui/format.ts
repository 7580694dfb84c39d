/** Numbers as people read them: three significant digits, decimal units, a thin space before the unit. */
import { present } from '../errors/present';

const thin = '\u202f';

function scaled(value: number, units: readonly string[]): string {
  let rest = value;
  let unit = 0;
  while (Math.abs(rest) >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  const suffix = present(units[unit]);
  return `${significant(rest)}${suffix === '' ? '' : thin + suffix}`;
}

/** Three significant digits without an exponent: 0.0123, 1.23, 12.3, 123, 1,235. */
export function significant(value: number, digits = 3): string {
  if (value === 0) return '0';
  if (!Number.isFinite(value)) return String(value);
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  const decimals = Math.min(6, Math.max(0, digits - 1 - magnitude));
  return value.toLocaleString('en', {
    minimumFractionDigits: 0,
    maximumFractionDigits: decimals,
    useGrouping: Math.abs(value) >= 1000,
  });
}

/** Parameters: 3.94 M, 1.52 B. */
export const formatParameters = (count: number): string => scaled(count, ['', 'K', 'M', 'B']);
/** Multiply-accumulates: 5.61 G. */
export const formatMacs = (count: number): string => scaled(count, ['', 'K', 'M', 'G', 'T', 'P']);
export const formatBytes = (bytes: number): string => scaled(bytes, ['B', 'kB', 'MB', 'GB', 'TB']);

export function formatMs(ms: number): string {
  return ms >= 10_000 ? `${significant(ms / 1000)}${thin}s` : `${significant(ms, ms >= 100 ? 3 : 2)}${thin}ms`;
}

/** 0.6164 -> 61.6 %. */
export function formatPercent(share: number): string {
  return `${(share * 100).toFixed(share !== 0 && Math.abs(share) < 0.0995 ? 2 : 1)}${thin}%`;
}

/** 1.2e-7 style for differences that are all but nothing. */
export function formatTiny(value: number): string {
  if (value === 0) return '0';
  return Math.abs(value) < 1e-3 ? value.toExponential(1).replace('e-', 'e−') : significant(value);
}

/** 42 s, 12 min, 2.5 h. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)}${thin}s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)}${thin}min` : `${significant(seconds / 3600, 2)}${thin}h`;
}
