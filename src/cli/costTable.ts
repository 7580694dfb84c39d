/** What a student costs beside the teacher, as a table: size, and the time of the denoiser, of the decoder, and end to end. */
import type { Totals } from '../blocks/block';
import type { PairedTimes } from '../metrics/pairedTimes';
import { counted, percent, table, withPrefix } from './table';

interface Both<T> {
  readonly teacher: T;
  readonly student: T;
}

/** Of the denoiser; `decoder`: of the decoder, where its blocks can be told. */
export interface StudentTotals extends Both<Totals> {
  readonly decoder?: Both<Totals>;
}

/** Measured in turns where the component is cut; else null, and what the clips took stands for both. */
export interface StudentTimes {
  readonly steps: number;
  readonly times: PairedTimes | null;
  readonly decoderTimes: PairedTimes | null;
  /** Medians of the clips that were made: of a step with all its guidance branches, and of decoding. */
  readonly medianStepMs: Both<number>;
  readonly decodeMs: Both<number>;
}

export function costTable({ decoder, ...denoiser }: StudentTotals, measured: StudentTimes): string {
  const { steps, times, decoderTimes, medianStepMs, decodeMs } = measured;
  const step = pairOf(times, medianStepMs);
  const denoiserMs = { teacher: steps * step.teacher, student: steps * step.student };
  const decoding = pairOf(decoderTimes, decodeMs);
  const rows = [
    totalsRow('parameters', denoiser, 'parameters'),
    totalsRow('bytes', denoiser, 'bytes', 'B'),
    totalsRow('MACs per call', denoiser, 'macs'),
    ...(decoder
      ? [
          totalsRow('decoder, parameters', decoder, 'parameters'),
          totalsRow('decoder, bytes', decoder, 'bytes', 'B'),
          totalsRow('decoder, MACs per clip', decoder, 'macs'),
        ]
      : []),
    timeRow('time per step', step, times),
    timeRow(`denoiser, ${counted(steps, 'step')}`, denoiserMs, times),
    timeRow('decoder', decoding, decoderTimes),
    timeRow('end to end', {
      teacher: denoiserMs.teacher + decoding.teacher,
      student: denoiserMs.student + decoding.student,
    }),
  ];
  return table(['', 'teacher', 'student', ''], rows, [1, 2, 3]);
}

/** Without a cut the two differ by what the machine did besides: both get the teacher's. */
const pairOf = (times: PairedTimes | null, ofClips: Both<number>): Both<number> =>
  times
    ? { teacher: times.referenceMs, student: times.candidateMs }
    : { teacher: ofClips.teacher, student: ofClips.teacher };

const totalsRow = (name: string, { teacher, student }: Both<Totals>, key: keyof Totals, unit = ''): string[] => [
  name,
  withPrefix(teacher[key], unit),
  withPrefix(student[key], unit),
  percent(student[key] / teacher[key]),
];

/** Medians; for what was measured in turns the median of the pairs' ratios with its bounds. */
const timeRow = (name: string, { teacher, student }: Both<number>, times: PairedTimes | null = null): string[] => [
  times ? `${name} (${times.pairs} pairs)` : name,
  `${teacher.toFixed(1)} ms`,
  `${student.toFixed(1)} ms`,
  times
    ? `${percent(times.ratio.median)} (${percent(times.ratio.low)} to ${percent(times.ratio.high)})`
    : percent(student / teacher),
];
