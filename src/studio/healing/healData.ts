/** What healing is asked for and what it tells: plain data, as it crosses from worker to page. */
import type { Clip } from '../../metrics/Clip';
import type { PipelineDescription } from '../../pipeline/PipelineDescription';
import type { Picture } from '../GenerateSettings';
import type { SplitError } from '../teacherRuns';
import type { Edit, WeightsId } from '../Variant';

/**
 * `repair`: in closed form, what the cut left out is fitted by the linear layers that write where it wrote. `local`: stages
 * learn apart, each fed with the teacher's values. `end`: the whole student learns from its end.
 */
export type HealStage = 'repair' | 'local' | 'end';
/** In the order in which they are done. */
export const healStages: readonly HealStage[] = ['repair', 'local', 'end'];

export interface HealSettings {
  /** Which are done, always in the order of `healStages`. */
  readonly stages: readonly HealStage[];
  /** Updates of the weights, over all stages. */
  readonly steps: number;
  /** Ends it earlier: the number of steps is set once, from the time of the first ones. */
  readonly minutes?: number;
  /** States in each step. */
  readonly batch: number;
  /** At its highest. Absent: found by a short test of a few rates on held-out states. */
  readonly learningRate?: number;
  /** What individual content distillation weighs beside the output's error; 0: none. */
  readonly icdWeight: number;
  /** Each layer's distillation error over the mean square of the teacher's values there, not as it is. */
  readonly icdNormalised: boolean;
  /** What the critic over whole clips (VDMini's MCA loss) weighs; 0: no critic. */
  readonly mcaWeight: number;
  /** Of the choice of states, and of the clips that they are taken from. */
  readonly seed: number;
  /** How much more often states of high noise are taken than others; 1: all alike. */
  readonly highNoise: number;
  /** Clips of the teacher whose states are learnt from, and how many of other seeds it is measured on. */
  readonly clips: number;
  readonly heldOutClips: number;
  readonly prompts: readonly string[];
  /** Names by content of the pictures that the clips begin with, where the model begins with one. */
  readonly pictures?: readonly string[];
  /** The content of the person's own clips, where those are learnt from in place of the teacher's. */
  readonly ownClips?: string;
  /** Of the teacher's clips. */
  readonly samplingSteps: number;
  readonly guidance: number;
  /**
   * `all` (where absent), `near`: what stands right before and after a cut, `low-rank`: a low-rank change of the attention's
   * projections, which is added to them at the end; else names of weights as a regular expression.
   */
  readonly train?: string;
  /** The student begins with nothing of what its teacher learnt (see `shuffledWeights`): to compare with. Without repair. */
  readonly fromScratch?: boolean;
}

/** Chosen from short runs on the bundled teacher (docs/healing.md); no long run has compared them. */
export const defaultHealSettings: Omit<HealSettings, 'prompts' | 'samplingSteps' | 'guidance'> = {
  stages: ['repair', 'end'],
  steps: 600,
  batch: 4,
  learningRate: 2e-3,
  icdWeight: 0.1,
  icdNormalised: false,
  mcaWeight: 0,
  seed: 1,
  highNoise: 1,
  clips: 512,
  heldOutClips: 4,
};

/** What the critic did in one step. */
export interface CriticPoint {
  /** Its hinge loss, without the penalty. */
  readonly loss: number;
  /** Running share of clips on the right side of zero: 0.5 is chance. */
  readonly accuracy: number;
  /** Whether its gradient reached the student: not before it tells real from fake. */
  readonly counts: boolean;
}

/** Values of one step's batch, before its update. */
export interface TrainingPoint {
  /** Over all stages. */
  readonly step: number;
  readonly stage: Exclude<HealStage, 'repair'>;
  /** Mean squared error of the denoiser's raw output. */
  readonly output: number;
  /** The mean over taps; null without distillation. */
  readonly icd: number | null;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** Absent without a critic. */
  readonly critic?: CriticPoint;
}

/** Error of the guided output on states of other seeds, with the averaged weights after so many steps. */
export interface HeldOutPoint extends SplitError {
  readonly step: number;
  /** What was done last: null is the untouched student. */
  readonly stage: HealStage | null;
}

export interface HealCurves {
  readonly training: readonly TrainingPoint[];
  /** The first is the untouched student. */
  readonly heldOut: readonly HeldOutPoint[];
}

export interface HealProgress {
  /**
   * Graphs and sessions are made; clips of the teacher are sampled; layers are fitted; learning rates are tried; weights are
   * trained.
   */
  readonly phase: 'graphs' | 'clips' | 'repair' | 'rates' | 'training';
  /** Done, and planned: clips, layers, rates, or steps. */
  readonly done: number;
  readonly of: number;
  readonly training?: TrainingPoint;
  readonly heldOut?: HeldOutPoint;
  readonly secondsLeft?: number;
  readonly clip?: HealingClip;
}

/** What the student gives with the averaged weights after so many steps. */
export interface HealingClip {
  readonly step: number;
  readonly clip: Clip;
}

/** Why it ended: all steps done, the time is up, nothing was gained for long, told to, or the loss was not a number. */
export type HealEnd = 'steps' | 'minutes' | 'no-gain' | 'told' | 'not-finite';

export interface HealSummary {
  readonly edit: Edit;
  readonly settings: HealSettings;
  readonly curves: HealCurves;
  readonly before: HeldOutPoint;
  /** What is kept; equal to `before` where nothing was better than the untouched student. */
  readonly best: HeldOutPoint;
  readonly end: HealEnd;
  /** Used, or found by the test; null where nothing was trained. */
  readonly learningRate: number | null;
  /** Updates done. */
  readonly steps: number;
  /** Of this run and of those that it went on from. */
  readonly seconds: number;
  readonly trainedWeights: number;
}

/** What the page asks for, and gets: the weights stay with the pipeline under their id; none where nothing was gained. */
export interface HealRequest {
  readonly edit: Edit;
  readonly settings: HealSettings;
  /** Those that the settings name. */
  readonly pictures?: readonly Picture[];
}

export interface HealOutcome extends HealSummary {
  readonly weights?: WeightsId;
}

/** What to heal with where nobody says: the prompts that the folder lists for it, else its examples. */
export function healingPrompts({
  trainingPrompts,
  examplePrompts,
  defaults,
}: Pick<PipelineDescription, 'trainingPrompts' | 'examplePrompts' | 'defaults'>): readonly string[] {
  if (trainingPrompts) return trainingPrompts;
  return examplePrompts.length > 0 ? examplePrompts : [defaults.prompt];
}
