/** The benchmark's results as lines for people. */
import { cpus } from 'node:os';
import { type Comparison, ratioOf } from './interleaved';

/** What it ran on: results mean little without it. */
export function machine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown processor';
  return `onnxruntime-node on the CPU: ${processors.length} x ${model}, Node ${process.versions.node}, ${process.platform} ${process.arch}`;
}

/** name, ratio, the two medians, n; then the note. */
export function describeComparison(comparison: Comparison): string {
  const { name, first, second, n, note } = comparison;
  const amount = ({ median, unit }: Comparison['first']) =>
    `${median >= 100 ? median.toFixed(0) : median.toPrecision(3)} ${unit}`;
  const lines = [
    `${name}: ${ratioOf(comparison).toFixed(3)}`,
    `    ${amount(first)} (${first.what}) / ${amount(second)} (${second.what}); medians of ${n}`,
  ];
  if (note !== undefined) lines.push(`    ${note}`);
  return lines.join('\n');
}
