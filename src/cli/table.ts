/** Tables of text for people, and numbers with units. */
import { present } from '../errors/present';

/** Columns aligned, two spaces between; `right` names the columns of numbers. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => present(row[column]).length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        right.includes(column) ? cell.padStart(present(widths[column])) : cell.padEnd(present(widths[column])),
      )
      .join('  ')
      .trimEnd();
  return [line(header), ...rows.map(line)].join('\n') + '\n';
}

/** Three significant digits and a decimal prefix: 1234567 -> "1.23 M". */
export function withPrefix(value: number, unit = ''): string {
  const prefixes = ['', 'k', 'M', 'G', 'T', 'P'];
  let scaled = value;
  let prefix = 0;
  while (Math.abs(scaled) >= 999.5 && prefix < prefixes.length - 1) {
    scaled /= 1000;
    prefix++;
  }
  const digits = prefix === 0 && Number.isInteger(scaled) ? String(scaled) : scaled.toPrecision(3);
  return `${digits} ${prefixes[prefix]}${unit}`.trimEnd();
}

/** 1 -> "1 step", 2 -> "2 steps". */
export const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** 0.384 -> "38.4 %". */
export const percent = (share: number) => `${(Number.isFinite(share) ? share * 100 : 0).toFixed(1)} %`;
