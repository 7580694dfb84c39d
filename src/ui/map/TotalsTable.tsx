/** Running totals: parameters, bytes, MACs and the measured time of a step, teacher against student. */

import type { CSSProperties } from 'react';
import { samePlan } from '../../blocks/plan';
import { formatBytes, formatMacs, formatMs, formatParameters, formatPercent } from '../format';
import { Explain } from '../parts/Explain';
import { mappedOf } from '../store/mapped';
import { studentTotals, useStudio } from '../store/state';

interface Line {
  readonly id: string;
  readonly name: string;
  readonly teacher: number | null;
  readonly student: number | null;
  readonly format: (value: number) => string;
  readonly stale?: boolean;
  readonly title: string;
}

export function TotalsTable() {
  const teacher = useStudio((state) => mappedOf(state)?.tree.totals ?? null);
  const student = useStudio(studentTotals);
  const { teacher: teacherTime, student: studentTime } = useStudio((state) => state.stepTimes);
  const plan = useStudio((state) => state.plan);
  const lines: readonly Line[] = [
    {
      id: 'parameters',
      name: 'Parameters',
      teacher: teacher?.parameters ?? null,
      student: student?.parameters ?? null,
      format: formatParameters,
      title: 'Numbers that the denoiser was trained to hold.',
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
      name: 'MACs / call',
      teacher: teacher?.macs ?? null,
      student: student?.macs ?? null,
      format: formatMacs,
      title: 'Multiply-accumulates of one call of the denoiser: how much there is to compute, on any machine.',
    },
    {
      id: 'step-time',
      name: 'Step time',
      teacher: teacherTime?.ms ?? null,
      student: studentTime?.ms ?? null,
      format: formatMs,
      stale: studentTime !== undefined && !samePlan(studentTime.plan, plan),
      title:
        'Measured here: the median time of the denoiser in one sampling step, with and without the prompt together.',
    },
  ];
  return (
    <table className="totals" data-testid="totals">
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
          {lines.map(({ id, student: value, format, stale }) => (
            <td
              key={id}
              data-stale={stale || undefined}
              data-testid={`total-${id}-student`}
              data-value={value ?? undefined}
            >
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
  const { id, teacher, student, stale } = line;
  const share = teacher !== null && student !== null && teacher > 0 ? student / teacher : null;
  return (
    <td className="share" data-stale={stale || undefined} data-testid={`total-${id}-share`}>
      {share === null ? '–' : formatPercent(share)}
      <i style={{ '--share': Math.min(1, share ?? 0) } as CSSProperties} />
    </td>
  );
}
