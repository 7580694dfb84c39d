/** Which numbers of a comparison are shown, how they are called, written and explained. No drawing. */
import { present } from '../../errors/present';
import type { ClipComparison } from '../../metrics/Clip';
import { psnr } from '../../metrics/psnr';
import { formatPercent, significant } from '../format';
import type { Bound } from './range';

export interface Figure {
  readonly id: string;
  readonly name: string;
  readonly unit: string;
  /** One short line under the number. */
  readonly hint: string;
  /** The whole explanation. */
  readonly about: string;
  readonly value: (comparison: ClipComparison) => string;
  /** The number behind the text, for tests; null where it is undefined. */
  readonly raw: (comparison: ClipComparison) => number | null;
}

export interface Series {
  readonly label: string;
  readonly look: 'plain' | 'teacher' | 'student';
  readonly values: (comparison: ClipComparison) => readonly number[];
}

export interface ChartFigure extends Figure {
  /** Per frame, or per transition to the next frame (one value fewer). */
  readonly per: 'frame' | 'transition';
  readonly series: readonly Series[];
  /** Vertical range; 'auto': the values decide. */
  readonly domain: readonly [Bound, Bound];
  /** The largest value there can be; the axis ends there. */
  readonly cap?: number;
  readonly format: (value: number) => string;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

export const decibel = (value: number): string => (value === Infinity ? 'identical' : value.toFixed(1));
const optional = (value: number | null, digits = 3): string => (value === null ? 'n/a' : significant(value, digits));
const plain = (value: number): string => significant(value);
const fine = (value: number): string => value.toFixed(3);

export const contentCharts: readonly ChartFigure[] = [
  {
    id: 'psnr',
    name: 'PSNR',
    unit: 'dB',
    hint: 'higher is closer',
    about:
      'Peak signal-to-noise ratio of each student frame against the teacher’s; the number is that of the whole clip. “identical” where no pixel differs.',
    value: (comparison) => decibel(psnr(comparison.meanSquaredError)),
    raw: (comparison) => psnr(comparison.meanSquaredError),
    per: 'frame',
    series: [{ label: 'PSNR', look: 'plain', values: (comparison) => comparison.content.psnrPerFrame }],
    domain: ['auto', 'auto'],
    format: decibel,
  },
  {
    id: 'ssim',
    name: 'SSIM',
    unit: '',
    hint: '1 is identical',
    about:
      'Structural similarity of the luma of each frame (11×11 Gaussian window); the number is the mean over frames.',
    value: (comparison) => fine(mean(comparison.content.ssimPerFrame)),
    raw: (comparison) => mean(comparison.content.ssimPerFrame),
    per: 'frame',
    series: [{ label: 'SSIM', look: 'plain', values: (comparison) => comparison.content.ssimPerFrame }],
    domain: ['auto', 'auto'],
    cap: 1,
    format: fine,
  },
];

export const contentError: Figure = {
  id: 'error-content',
  name: 'Content error',
  unit: 'of 255 levels',
  hint: 'the same in every frame',
  about:
    'The part of the error that does not change over time: the root of ‖ē‖² of the mean error ē, in 8-bit levels. The squares of content and motion error add up to the mean squared error exactly.',
  value: (comparison) => plain(Math.sqrt(comparison.content.errorContent)),
  raw: (comparison) => comparison.content.errorContent,
};

export const motionCharts: readonly ChartFigure[] = [
  {
    id: 'error-motion',
    name: 'Motion error',
    unit: 'of 255 levels',
    hint: 'changes over time',
    about: 'The part of the error that changes over time: the root of the mean ‖e_t − ē‖², in 8-bit levels.',
    value: (comparison) => plain(Math.sqrt(comparison.motion.errorMotion)),
    raw: (comparison) => comparison.motion.errorMotion,
    per: 'frame',
    series: [
      {
        label: 'Motion error',
        look: 'plain',
        values: (comparison) => comparison.motion.errorMotionPerFrame.map(Math.sqrt),
      },
    ],
    domain: [0, 'auto'],
    format: plain,
  },
  {
    id: 'flow-epe',
    name: 'Flow EPE',
    unit: 'px',
    hint: '0 is the same motion',
    about: 'End-point error: mean distance between the optical flow of the teacher and of the student, in pixels.',
    value: (comparison) => plain(mean(comparison.motion.flowEpePerTransition)),
    raw: (comparison) => mean(comparison.motion.flowEpePerTransition),
    per: 'transition',
    series: [{ label: 'Flow EPE', look: 'plain', values: (comparison) => comparison.motion.flowEpePerTransition }],
    domain: [0, 'auto'],
    format: plain,
  },
  {
    id: 'flicker',
    name: 'Flicker score',
    unit: '',
    hint: '1 is steady',
    about:
      'VBench’s temporal flickering: (255 − mean difference of neighbouring frames) / 255. A frozen clip scores highest, so read it with the motion magnitude.',
    value: ({ motion }) => `${fine(motion.flicker.reference)} → ${fine(motion.flicker.candidate)}`,
    raw: ({ motion }) => motion.flicker.candidate,
    per: 'transition',
    series: [
      { label: 'Teacher', look: 'teacher', values: ({ motion }) => motion.flickerPerTransition.reference },
      { label: 'Student', look: 'student', values: ({ motion }) => motion.flickerPerTransition.candidate },
    ],
    domain: ['auto', 'auto'],
    cap: 1,
    format: fine,
  },
  {
    id: 'motion-magnitude',
    name: 'Motion magnitude',
    unit: '',
    hint: 'how much moves',
    about:
      'Mean of the top 5 % of flow lengths, divided by min(height, width) / 256: a proxy of VBench’s dynamic degree.',
    value: ({ motion }) => `${plain(motion.motionMagnitude.reference)} → ${plain(motion.motionMagnitude.candidate)}`,
    raw: ({ motion }) => motion.motionMagnitude.candidate,
    per: 'transition',
    series: [
      { label: 'Teacher', look: 'teacher', values: ({ motion }) => motion.motionMagnitudePerTransition.reference },
      { label: 'Student', look: 'student', values: ({ motion }) => motion.motionMagnitudePerTransition.candidate },
    ],
    domain: [0, 'auto'],
    format: plain,
  },
];

export const motionNumbers: readonly Figure[] = [
  {
    id: 'motion-delta',
    name: 'Motion delta',
    unit: '',
    hint: '0 is equal, 1 stands still',
    about:
      'How differently neighbouring frames change: mean ‖dS − dT‖² / mean ‖dT‖². A clip that stands still has 1. Not defined for a teacher that hardly moves.',
    value: ({ motion }) => optional(motion.motionDelta),
    raw: ({ motion }) => motion.motionDelta,
  },
  {
    id: 'flow-ratio',
    name: 'Flow length',
    unit: '× teacher',
    hint: '1 is as fast',
    about: 'Length of the student’s optical flow over the teacher’s: below 1 the student moves less.',
    value: ({ motion }) => optional(motion.flowMagnitudeRatio),
    raw: ({ motion }) => motion.flowMagnitudeRatio,
  },
  {
    id: 'flow-cosine',
    name: 'Flow direction',
    unit: 'cos',
    hint: '1 is the same way',
    about: 'Cosine between the flow directions of student and teacher: 1 the same way, −1 the opposite.',
    value: ({ motion }) => optional(motion.flowDirectionCosine),
    raw: ({ motion }) => motion.flowDirectionCosine,
  },
];

const [psnrChart, ssimChart] = contentCharts;
const [motionErrorChart, flowChart, ...otherCharts] = motionCharts;
const [motionDelta, ...otherNumbers] = motionNumbers;
/** The figures that are always there; the rest comes with the details. */
export const keyFigures: readonly Figure[] = [
  present(ssimChart),
  present(psnrChart),
  contentError,
  present(motionDelta),
  present(motionErrorChart),
  present(flowChart),
];
export const onlyInDetails: readonly Figure[] = [...otherNumbers, ...otherCharts];

/** Share of the content part in the whole squared error; null where there is no error. */
export function contentShare(comparison: ClipComparison): number | null {
  return comparison.meanSquaredError > 0 ? comparison.content.errorContent / comparison.meanSquaredError : null;
}

export const asShare = (share: number): string => formatPercent(share);
