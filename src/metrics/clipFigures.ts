/**
 * A comparison of two clips as one number per metric, and those of many clips as mean, spread and worst: what the page's
 * batch keeps and shows. How a figure is read and which end of it is bad is told by `comparedFigures`, the statistics are
 * `summarise`'s; `vdmini compare` has its figures from the same two. No charts, no words.
 */
import { present } from '../errors/present';
import type { ClipComparison } from './Clip';
import { comparedFigures } from './comparedFigures';
import { worstFirst as placesWorstFirst, summarise } from './summarise';

export interface ClipFigures {
  /** dB, of the whole clip; Infinity where no pixel differs. */
  readonly psnr: number;
  /** Mean over frames. */
  readonly ssim: number;
  /** Squared 8-bit levels; `meanSquaredError` is their sum. */
  readonly errorContent: number;
  readonly errorMotion: number;
  readonly meanSquaredError: number;
  /** Null where the reference hardly moves. */
  readonly motionDelta: number | null;
  /** Pixels, mean over transitions; 0 for a clip of one frame. */
  readonly flowEpe: number;
}

export type FigureName = keyof ClipFigures;

/** In the order of tables. */
export const figureNames: readonly FigureName[] = [
  'psnr',
  'ssim',
  'errorContent',
  'errorMotion',
  'meanSquaredError',
  'motionDelta',
  'flowEpe',
];

const described = (name: FigureName) => present(comparedFigures.find(({ id }) => id === name));

export function figuresOf(comparison: ClipComparison): ClipFigures {
  const figures = figureNames.map((name) => {
    const value = described(name).read(comparison);
    return [name, value ?? (name === 'motionDelta' ? null : 0)];
  });
  return Object.fromEntries(figures) as ClipFigures;
}

export interface Spread {
  /** Values that the figures below are of. */
  readonly count: number;
  /** Left out: PSNR of identical clips, motion delta of clips that hardly move. */
  readonly leftOut: number;
  readonly mean: number;
  /** Of the sample (n - 1); 0 for a single value. */
  readonly standardDeviation: number;
  readonly median: number;
  readonly worst: number;
  readonly best: number;
}

/** Null where no clip has a finite value of the figure. */
export function spreadOf(clips: readonly ClipFigures[], name: FigureName): Spread | null {
  const values = clips.map((clip) => clip[name]).filter((value): value is number => Number.isFinite(value));
  const { worse } = described(name);
  const summary = summarise(values, worse);
  if (!summary) return null;
  const { count, mean, standardDeviation, median, worst } = summary;
  const best = worse === 'higher' ? Math.min(...values) : Math.max(...values);
  return { count, leftOut: clips.length - count, mean, standardDeviation, median, worst: worst.value, best };
}

/** The indices of the clips, the worst first; clips without the figure last; equals in their own order. */
export function worstFirst(clips: readonly ClipFigures[], name: FigureName): readonly number[] {
  const { worse } = described(name);
  const harmless = worse === 'higher' ? -Infinity : Infinity;
  const values = clips.map((clip) => {
    const value = clip[name];
    return value === null || Number.isNaN(value) ? harmless : value;
  });
  return placesWorstFirst(values, worse);
}
