/** Figures of many clips as CSV: one row per prompt, seed and student, then mean, deviation and worst of each. */
import { type ClipFigures, figureNames, spreadOf } from './clipFigures';

export interface GridCsvRow {
  readonly prompt: string;
  readonly seed: number;
  /** In the order of `students`. */
  readonly figures: readonly ClipFigures[];
}

const columns: Readonly<Record<keyof ClipFigures, string>> = {
  psnr: 'psnr_db',
  ssim: 'ssim',
  errorContent: 'error_content',
  errorMotion: 'error_motion',
  meanSquaredError: 'mean_squared_error',
  motionDelta: 'motion_delta',
  flowEpe: 'flow_epe_px',
};

/** Numbers in full precision; PSNR of equal clips is `identical`; what is not defined is empty. */
export function gridCsv(rows: readonly GridCsvRow[], students: readonly string[]): string {
  const lines = rows.flatMap(({ prompt, seed, figures }) =>
    figures.map((one, i) =>
      [quoted(prompt), seed, quoted(students[i] ?? ''), ...figureNames.map((name) => cell(one[name]))].join(','),
    ),
  );
  const summaries = students.flatMap((student, i) =>
    (['mean', 'standardDeviation', 'worst'] as const).map((what) => {
      const clips = rows.map(({ figures }) => figures[i]).filter((one) => one !== undefined);
      const values = figureNames.map((name) => cell(spreadOf(clips, name)?.[what] ?? null));
      return `# ${summaryNames[what]} of ${quoted(student)},${values.join(',')}`;
    }),
  );
  const head = ['prompt', 'seed', 'student', ...figureNames.map((name) => columns[name])].join(',');
  return `${[...summaries, head, ...lines].join('\n')}\n`;
}

const summaryNames = { mean: 'mean', standardDeviation: 'standard deviation', worst: 'worst' } as const;

const quoted = (text: string): string => `"${text.replaceAll('"', '""').replace(/[\r\n]+/g, ' ')}"`;

function cell(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '';
  return value === Infinity ? 'identical' : String(value);
}
