/** Running totals: parameters, bytes, MACs and the measured time of a step, teacher against student. */
import { mappedOf } from '../store/mapped';
import type { CSSProperties } from 'react';
import { formatBytes, formatMacs, formatMs, formatParameters, formatPercent } from '../format';
import { Explain } from '../parts/Explain';
import { samePlan } from '../plan/edits';
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
      title: 'Measured here: the median time of the denoiser in one sampling step, with and without the prompt together.',
    },
  ];
  return (
    <table className="totals" data-testid="totals">
      <thead>
        <tr>
          <th scope="col">
            <span className="visually-hidden">Quantity</span>
          </th>
          <th scope="col" className="teacher">
            Teacher
          </th>
          <th scope="col" className="student">
            Student
          </th>
          <th scope="col" colSpan={2}>
            of teacher
          </th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <TotalsLine key={line.id} line={line} />
        ))}
      </tbody>
    </table>
  );
}

function TotalsLine({ line }: { readonly line: Line }) {
  const { id, name, teacher, student, format, stale, title } = line;
  const share = teacher !== null && student !== null && teacher > 0 ? student / teacher : null;
  return (
    <tr data-stale={stale || undefined}>
      <th scope="row">
        <Explain about={title}>{name}</Explain>
      </th>
      <td data-testid={`total-${id}-teacher`} data-value={teacher ?? undefined}>
        {teacher === null ? '–' : format(teacher)}
      </td>
      <td data-testid={`total-${id}-student`} data-value={student ?? undefined}>
        {student === null ? '–' : format(student)}
      </td>
      <td className="share" data-testid={`total-${id}-share`}>
        {share === null ? '–' : formatPercent(share)}
      </td>
      <td className="share-bar">
        <i style={{ '--share': Math.min(1, share ?? 0) } as CSSProperties} />
      </td>
    </tr>
  );
}
