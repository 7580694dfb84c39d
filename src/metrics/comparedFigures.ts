/**
 * The figures of a comparison that stand for a whole clip, by name, and their statistics over many clips. One list for
 * tables, CSV and reports; what a figure means is told where it is measured.
 */
import type { ClipComparison } from './Clip';
import { psnr } from './psnr';
import { type Summary, summarise, type Worse, worstFirst } from './summarise';

export interface ComparedFigure {
  readonly id: string;
  readonly name: string;
  readonly unit: string;
  readonly of: 'both' | 'content' | 'motion';
  readonly worse: Worse;
  /** Null where it is not defined, such as motion of a clip that stands still. */
  read(comparison: ClipComparison): number | null;
}

export const comparedFigures = [
  {
    id: 'meanSquaredError',
    name: 'mean squared error',
    unit: '',
    of: 'both',
    worse: 'higher',
    read: ({ meanSquaredError }) => meanSquaredError,
  },
  {
    id: 'psnr',
    name: 'PSNR',
    unit: 'dB',
    of: 'content',
    worse: 'lower',
    read: ({ meanSquaredError }) => psnr(meanSquaredError),
  },
  {
    id: 'ssim',
    name: 'SSIM',
    unit: '',
    of: 'content',
    worse: 'lower',
    read: ({ content }) => mean(content.ssimPerFrame),
  },
  {
    id: 'errorContent',
    name: 'error, content part',
    unit: '',
    of: 'content',
    worse: 'higher',
    read: ({ content }) => content.errorContent,
  },
  {
    id: 'errorMotion',
    name: 'error, motion part',
    unit: '',
    of: 'motion',
    worse: 'higher',
    read: ({ motion }) => motion.errorMotion,
  },
  {
    id: 'motionDelta',
    name: 'motion delta',
    unit: '',
    of: 'motion',
    worse: 'higher',
    read: ({ motion }) => motion.motionDelta,
  },
  {
    id: 'flowEpe',
    name: 'flow EPE',
    unit: 'px',
    of: 'motion',
    worse: 'higher',
    read: ({ motion }) => mean(motion.flowEpePerTransition),
  },
  {
    id: 'flowDirectionCosine',
    name: 'flow direction cosine',
    unit: '',
    of: 'motion',
    worse: 'lower',
    read: ({ motion }) => motion.flowDirectionCosine,
  },
] as const satisfies readonly ComparedFigure[];

export type ComparedFigureId = (typeof comparedFigures)[number]['id'];

export interface ComparisonSummary {
  /** Null where no clip has the figure. PSNR of equal clips is infinite and counted in `notFinite`. */
  readonly figures: Readonly<Record<ComparedFigureId, Summary | null>>;
  /** Places of the comparisons, by mean squared error. */
  readonly worstFirst: readonly number[];
}

export function summariseComparisons(comparisons: readonly ClipComparison[]): ComparisonSummary {
  const figures = comparedFigures.map(({ id, worse, read }): [string, Summary | null] => [
    id,
    summarise(
      comparisons.map((comparison) => read(comparison) ?? Number.NaN),
      worse,
    ),
  ]);
  return {
    figures: Object.fromEntries(figures) as ComparisonSummary['figures'],
    worstFirst: worstFirst(comparisons.map(({ meanSquaredError }) => meanSquaredError)),
  };
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
