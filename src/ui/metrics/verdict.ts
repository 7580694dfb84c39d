/**
 * The comparison in a sentence: what the cut saves, then what became of content and of motion. The bounds are
 * conventions, told to people with the verdict; the figures behind it stay a click away.
 */
import type { Totals } from '../../blocks/block';
import type { ClipComparison } from '../../metrics/Clip';
import { significant } from '../format';

export type Fate = 'kept' | 'changed' | 'lost';

export interface Verdict {
  readonly content: Fate;
  /** Null where the teacher hardly moves: there is no motion to keep or to lose. */
  readonly motion: Fate | null;
}

/** SSIM of at least the first is kept, below the second is lost. */
export const contentBounds = { kept: 0.95, lost: 0.75 } as const;
/** Motion delta of at most the first is kept, above the second is lost; a picture that stands still has 1. */
export const motionBounds = { kept: 0.15, lost: 0.6 } as const;

export const verdictRule =
  `Content counts as kept from a mean SSIM of ${contentBounds.kept}, as lost below ${contentBounds.lost}. ` +
  `Motion counts as kept up to a motion delta of ${motionBounds.kept}, as lost above ${motionBounds.lost}; ` +
  'a clip that stands still has a motion delta of 1.';

export function judge({ content, motion }: ClipComparison): Verdict {
  const ssim = content.ssimPerFrame.reduce((sum, value) => sum + value, 0) / Math.max(1, content.ssimPerFrame.length);
  const fateOf = (good: boolean, bad: boolean): Fate => (good ? 'kept' : bad ? 'lost' : 'changed');
  return {
    content: fateOf(ssim >= contentBounds.kept, !(ssim >= contentBounds.lost)),
    motion:
      motion.motionDelta === null
        ? null
        : fateOf(motion.motionDelta <= motionBounds.kept, !(motion.motionDelta <= motionBounds.lost)),
  };
}

export interface Savings {
  readonly teacher: Totals;
  readonly student: Totals;
  /** Measured milliseconds of a step, and the bounds of student / teacher; null where they were not measured. */
  readonly stepMs: {
    readonly teacher: number;
    readonly student: number;
    readonly ratio?: { readonly median: number; readonly low: number; readonly high: number };
  } | null;
}

/** "40 % fewer parameters, 1.5× faster (1.4 to 1.6)"; not called faster where the bounds do not say so. */
export function savingsSentence({ teacher, student, stepMs }: Savings): string {
  const parameters = 1 - student.parameters / Math.max(1, teacher.parameters);
  const macs = 1 - student.macs / Math.max(1, teacher.macs);
  const ratio = stepMs?.ratio;
  const speed = ratio ? 1 / ratio.median : stepMs && stepMs.student > 0 ? stepMs.teacher / stepMs.student : null;
  const [slowest, fastest] = ratio ? [1 / ratio.high, 1 / ratio.low] : [Infinity, Infinity];
  const bounds = ratio ? ` (${significant(slowest, 2)} to ${significant(fastest, 2)})` : '';
  const second =
    speed !== null && speed >= 1.05 && slowest > 1
      ? `${significant(speed, 2)}× faster${bounds}`
      : `${percent(macs)} fewer MACs`;
  return `${percent(parameters)} fewer parameters, ${second}`;
}

/** "content kept, motion lost" */
export function fateSentence({ content, motion }: Verdict): string {
  return `content ${content}, ${motion === null ? 'no motion to compare' : `motion ${motion}`}`;
}

/** Whole percents, one digit below ten; thin space as elsewhere. */
function percent(share: number): string {
  const value = Math.max(0, share) * 100;
  return `${value !== 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)}\u202f%`;
}
