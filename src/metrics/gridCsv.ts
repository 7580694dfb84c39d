/** Figures of many clips as CSV: one row per prompt, seed and candidate, then mean, deviation and worst of each. */
import { type ClipFigures, figureNames, spreadOf } from './clipFigures';

export interface GridCsvRow {
  readonly prompt: string;
  readonly seed: number;
  /** What the clip begins with, where that is not the same for all: a column of its own then. */
  readonly picture?: string;
  /** In the order of the candidates. */
  readonly figures: readonly ClipFigures[];
}

/** What the figures are of, as the head of its column says, and the name of each. */
export interface Candidates {
  readonly column: string;
  readonly names: readonly string[];
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
export function gridCsv(rows: readonly GridCsvRow[], { column, names }: Candidates): string {
  const hasPictures = rows.some(({ picture }) => picture !== undefined);
  const lines = rows.flatMap(({ prompt, seed, picture = '', figures }) =>
    figures.map((one, i) =>
      [
        quoted(prompt),
        seed,
        ...(hasPictures ? [quoted(picture)] : []),
        quoted(names[i] ?? ''),
        ...figureNames.map((name) => cell(one[name])),
      ].join(','),
    ),
  );
  const summaries = names.flatMap((name, i) =>
    (['mean', 'standardDeviation', 'worst'] as const).map((what) => {
      const clips = rows.map(({ figures }) => figures[i]).filter((one) => one !== undefined);
      const values = figureNames.map((figure) => cell(spreadOf(clips, figure)?.[what] ?? null));
      return `# ${summaryNames[what]} of ${quoted(name)},${values.join(',')}`;
    }),
  );
  const before = ['prompt', 'seed', ...(hasPictures ? ['picture'] : []), column];
  const head = [...before, ...figureNames.map((name) => columns[name])].join(',');
  return `${[...summaries, head, ...lines].join('\n')}\n`;
}

const summaryNames = { mean: 'mean', standardDeviation: 'standard deviation', worst: 'worst' } as const;

const quoted = (text: string): string => `"${text.replaceAll('"', '""').replace(/[\r\n]+/g, ' ')}"`;

function cell(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '';
  return value === Infinity ? 'identical' : String(value);
}
