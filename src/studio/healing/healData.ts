/** What healing is asked for and what it tells: plain data, as it crosses from worker to page. */
import type { SplitError } from '../teacherRuns';
import type { Edit, WeightsId } from '../Variant';

export interface HealSettings {
  /** Updates of the weights. */
  readonly steps: number;
  /** Ends it earlier: the number of steps is set once, from the time of the first ones. */
  readonly minutes?: number;
  /** States in each step. */
  readonly batch: number;
  readonly learningRate: number;
  /** What individual content distillation weighs beside the output's error; 0: none. */
  readonly icdWeight: number;
  /** Of the choice of states, and of the clips that they are taken from. */
  readonly seed: number;
  /** How much more often states of high noise are taken than others; 1: all alike. */
  readonly highNoise: number;
  /** Clips of the teacher whose states are learnt from, and how many of other seeds it is measured on. */
  readonly clips: number;
  readonly heldOutClips: number;
  readonly prompts: readonly string[];
  /** Of the teacher's clips. */
  readonly samplingSteps: number;
  readonly guidance: number;
  /** Names of the weights to train, as a regular expression; all where absent. */
  readonly train?: string;
}

/** The recipe that healed the bundled teacher in PyTorch. */
export const defaultHealSettings: Omit<HealSettings, 'prompts' | 'samplingSteps' | 'guidance'> = {
  steps: 600,
  batch: 4,
  learningRate: 1e-3,
  icdWeight: 0.1,
  seed: 1,
  highNoise: 1,
  clips: 64,
  heldOutClips: 4,
};

/** Values of one step's batch, before its update. */
export interface TrainingPoint {
  readonly step: number;
  /** Mean squared error of the denoiser's raw output. */
  readonly output: number;
  /** The mean over taps; null without distillation. */
  readonly icd: number | null;
  /** Before clipping. */
  readonly gradientNorm: number;
}

/** Error of the guided output on states of other seeds, with the averaged weights after so many steps. */
export interface HeldOutPoint extends SplitError {
  readonly step: number;
}

export interface HealCurves {
  readonly training: readonly TrainingPoint[];
  /** The first is the untouched student. */
  readonly heldOut: readonly HeldOutPoint[];
}

export interface HealProgress {
  /** Graphs and sessions are made; clips of the teacher are sampled; weights are trained. */
  readonly phase: 'graphs' | 'clips' | 'training';
  /** Done, and planned: clips, or steps. */
  readonly done: number;
  readonly of: number;
  readonly training?: TrainingPoint;
  readonly heldOut?: HeldOutPoint;
  readonly secondsLeft?: number;
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
}

export interface HealOutcome extends HealSummary {
  readonly weights?: WeightsId;
}
