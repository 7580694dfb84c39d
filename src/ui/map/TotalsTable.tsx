/** Running totals: parameters, bytes, MACs and the measured time of a step, teacher against student. */

import type { CSSProperties } from 'react';
import type { PairedTimes } from '../../worker/protocol';
import { formatBytes, formatMacs, formatMs, formatParameters, formatPercent } from '../format';
import { useStepTimes } from '../metrics/useStepTimes';
import { Explain } from '../parts/Explain';
import { useComponent, useShownTree } from '../store/mapped';
import { decoderTotals, studentTotals, useStudio } from '../store/state';

interface Line {
  readonly id: string;
  readonly name: string;
  readonly teacher: number | null;
  readonly student: number | null;
  readonly format: (value: number) => string;
  /** Bounds of the share, where it was measured. */
  readonly spread?: PairedTimes['ratio'];
  /** What stands in the place of figures that are still to come. */
  readonly pending?: string;
  readonly title: string;
}

export function TotalsTable() {
  const component = useComponent();
  const teacher = useShownTree()?.totals ?? null;
  const ofDenoiser = useStudio(studentTotals);
  const ofDecoder = useStudio(decoderTotals)?.student ?? null;
  const student = component === 'denoiser' ? ofDenoiser : ofDecoder;
  const { times, measuring } = useStepTimes(component);
  const lines: readonly Line[] = [
    {
      id: 'parameters',
      name: 'Parameters',
      teacher: teacher?.parameters ?? null,
      student: student?.parameters ?? null,
      format: formatParameters,
      title: `Numbers that the ${component} was trained to hold.`,
    },
    {
      id: 'bytes',
      name: 'Weights',
      teacher: teacher?.bytes ?? null,
      student: student?.bytes ?? null,
      format: formatBytes,
      title: 'Bytes of the weights as they lie in the file.',
    },
    {
      id: 'macs',
      name: component === 'denoiser' ? 'MACs / call' : 'MACs / clip',
      teacher: teacher?.macs ?? null,
      student: student?.macs ?? null,
      format: formatMacs,
      title: `Multiply-accumulates of ${component === 'denoiser' ? 'one call of the denoiser' : 'decoding a clip'}: how much there is to compute, on any machine.`,
    },
    {
      id: 'step-time',
      name: component === 'denoiser' ? 'Step time' : 'Decode time',
      teacher: times?.referenceMs ?? null,
      student: times?.candidateMs ?? null,
      format: formatMs,
      ...(times ? { spread: times.ratio } : {}),
      ...(measuring ? { pending: `measuring ${measuring.done} of ${measuring.of}` } : {}),
      title:
        'Measured here once a run is done: teacher and student in turns, a warm-up of each thrown away. Medians of at least five pairs; the share is the median of the pairs’ ratios, with bounds that hold it nine times in ten.',
    },
  ];
  return (
    <table className="totals" aria-label="Teacher and student" data-testid="totals">
      <thead>
        <tr>
          <th scope="col">
            <span className="visually-hidden">Side</span>
          </th>
          {lines.map(({ id, name, title }) => (
            <th key={id} scope="col">
              <Explain about={title}>{name}</Explain>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row" className="teacher">
            Teacher
          </th>
          {lines.map(({ id, teacher: value, format }) => (
            <td key={id} data-testid={`total-${id}-teacher`} data-value={value ?? undefined}>
              {value === null ? '–' : format(value)}
            </td>
          ))}
        </tr>
        <tr>
          <th scope="row" className="student">
            Student
          </th>
          {lines.map(({ id, student: value, format }) => (
            <td key={id} data-testid={`total-${id}-student`} data-value={value ?? undefined}>
              {value === null ? '–' : format(value)}
            </td>
          ))}
        </tr>
        <tr>
          <th scope="row">Left</th>
          {lines.map((line) => (
            <Share key={line.id} line={line} />
          ))}
        </tr>
      </tbody>
    </table>
  );
}

/** What the student has of the teacher's, as a number over a bar. */
function Share({ line }: { readonly line: Line }) {
  const { id, teacher, student, spread, pending } = line;
  const share = teacher !== null && student !== null && teacher > 0 ? student / teacher : null;
  const bounds = spread && `${formatPercent(spread.low)} to ${formatPercent(spread.high)}`;
  return (
    <td className="share" data-testid={`total-${id}-share`} data-spread={bounds}>
      {share === null ? (pending ?? '–') : formatPercent(spread ? spread.median : share)}
      {spread && <small className="share-spread">{halfSpread(spread)}</small>}
      <i style={{ '--share': Math.min(1, share ?? 0) } as CSSProperties} />
    </td>
  );
}

/** ' ± 3 %': the farther of the two bounds; '99+' beyond all of it. */
function halfSpread({ median, low, high }: PairedTimes['ratio']): string {
  const half = Math.max(0.001, high - median, median - low);
  return ` ± ${half < 0.995 ? formatPercent(half) : '99+\u202f%'}`;
}
