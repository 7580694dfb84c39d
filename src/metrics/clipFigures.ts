/**
 * A comparison of two clips as one number per metric, and those of many clips as mean, spread and worst. The page's
 * grid and `vdmini compare --prompts --seeds` both take their figures from here. No charts, no words.
 */
import type { ClipComparison } from './Clip';
import { psnr } from './psnr';

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

const largerIsWorse: Readonly<Record<FigureName, boolean>> = {
  psnr: false,
  ssim: false,
  errorContent: true,
  errorMotion: true,
  meanSquaredError: true,
  motionDelta: true,
  flowEpe: true,
};

export function figuresOf({ content, motion, meanSquaredError }: ClipComparison): ClipFigures {
  return {
    psnr: psnr(meanSquaredError),
    ssim: mean(content.ssimPerFrame),
    errorContent: content.errorContent,
    errorMotion: motion.errorMotion,
    meanSquaredError,
    motionDelta: motion.motionDelta,
    flowEpe: mean(motion.flowEpePerTransition),
  };
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
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  const [low, high] = [sorted[0]!, sorted.at(-1)!];
  return {
    count: values.length,
    leftOut: clips.length - values.length,
    mean: middle,
    standardDeviation: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)),
    median: (sorted[(values.length - 1) >> 1]! + sorted[values.length >> 1]!) / 2,
    worst: largerIsWorse[name] ? high : low,
    best: largerIsWorse[name] ? low : high,
  };
}

/** The indices of the clips, the worst first; clips without the figure last; equals in their own order. */
export function worstFirst(clips: readonly ClipFigures[], name: FigureName): readonly number[] {
  const badness = (index: number): number => {
    const value = clips[index]![name];
    if (value === null || Number.isNaN(value)) return -Infinity;
    return largerIsWorse[name] ? value : -value;
  };
  return clips
    .map((_, index) => index)
    .toSorted((a, b) => (badness(b) > badness(a) ? 1 : badness(b) < badness(a) ? -1 : 0));
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
