/**
 * The one store of the page: what is open, what is wanted (settings, plan), what is shown and the settings it was
 * made with, so that "stale" is derived. Plain values and clips; no sessions, tensors or promises. Actions are
 * functions of the other files in this folder.
 */
import { create } from 'zustand';
import type { Totals } from '../../blocks/block';
import { type ComponentId, NOTHING_DROPPED, type Plan } from '../../blocks/plan';
import type { PlainError } from '../../errors/StudioError';
import type { StorageSpace } from '../../library/cacheStorage';
import type { FolderReference } from '../../library/Folder';
import type { KeptModel } from '../../library/modelCache';
import type { Clip, ClipComparison } from '../../metrics/Clip';
import type { LatentSize } from '../../pipeline/PipelineDescription';
import type {
  BackendPreference,
  BackendStatus,
  Edit,
  ExportFormat,
  ExportProgress,
  ExportResult,
  GenerateSettings,
  MappedPipeline,
  OpenedPipeline,
  OpenProgress,
  PickedPlace,
  PlanSummary,
} from '../../worker/protocol';

export interface OpenState extends OpenedPipeline {
  readonly folder: FolderReference;
  /** What was asked for when it was opened. */
  readonly latentSize: LatentSize;
  readonly withoutRunning?: string;
}

/** The sides of the page: what is compared with, what the plan makes of it, and a second student where one stands beside. */
export type Side = 'teacher' | 'student' | 'second';

/** What the student is: what is off, and whose weights the rest has ('original': the model's own). */
export interface StudentEdit {
  readonly plan: Plan;
  readonly weights: Edit['weights'];
}

/** A student from the shelf that stands beside the one that is edited. */
export interface SecondStudent extends StudentEdit {
  readonly name: string;
}

/** A clip on screen and what it was made with. `step < steps` marks a preview. */
export interface ShownClip {
  readonly clip: Clip;
  readonly settings: GenerateSettings;
  readonly plan: Plan;
  /** The model's own where absent. */
  readonly weights?: Edit['weights'];
  readonly step: number;
  readonly steps: number;
}

export interface ShownComparison {
  readonly value: ClipComparison;
  readonly settings: GenerateSettings;
  readonly plan: Plan;
  readonly weights?: Edit['weights'];
  readonly step: number;
  readonly steps: number;
}

export interface Run {
  readonly settings: GenerateSettings;
  readonly plan: Plan;
  readonly weights?: Edit['weights'];
  /** Whether the teacher is sampled too; false when its kept clip still holds. */
  readonly withTeacher: boolean;
  /** The same of the second student. */
  readonly withSecond?: boolean;
  readonly step: number;
  readonly steps: number;
}

export interface LatentErrorStep {
  readonly step: number;
  readonly content: number;
  readonly motion: number;
}

export type Rerun = 'at-once' | 'on-demand';
/** Which two are laid over each other where there are three: the teacher and a student, or the students. */
export type ClipPair = 'student' | 'second' | 'students';
export type ClipView = 'wipe' | 'side-by-side' | 'difference';

export interface Player {
  readonly frame: number;
  readonly playing: boolean;
  readonly loop: boolean;
  readonly speed: number; // 1: the model's frame rate
  readonly view: ClipView;
  readonly pair: ClipPair;
  readonly split: number; // 0..1, where the wipe stands
  readonly zoom: number; // integer factor; 0 fits the stage
  readonly differenceGain: number;
}

export type Activity = 'open' | 'keep' | 'generate' | 'heal' | 'export' | 'plan' | 'check' | 'features' | 'engine';

export interface Problem {
  readonly error: PlainError;
  readonly during: Activity;
  /** The model that the runtime refused: it can still be opened without running it. */
  readonly refused?: { readonly folder: FolderReference; readonly latentSize: LatentSize };
}

export interface Opening {
  readonly name: string;
  readonly progress: OpenProgress | null;
  /** The blocks, as soon as the graph is read; sessions follow. */
  readonly mapped: MappedPipeline | null;
}

export interface Exported {
  readonly result: ExportResult;
  readonly plan: Plan;
  readonly weights: Edit['weights'];
  readonly format: ExportFormat;
  readonly component: ComponentId;
  /** Where the files lie; null when they are to be downloaded. */
  readonly place: PickedPlace | null;
}

export type KeptCheck = { readonly state: 'running'; readonly readBytes: number } | { readonly state: 'good' | 'bad' };

export interface StudioState {
  readonly open: OpenState | null;
  readonly opening: Opening | null;
  readonly status: BackendStatus | null;
  readonly backend: BackendPreference;
  /** 'stopped': its worker was ended, and another starts. */
  readonly device: 'ok' | 'lost' | 'stopped' | 'remade';

  readonly settings: GenerateSettings;
  readonly rerun: Rerun;
  readonly plan: Plan;
  /** Whose weights the student has; with `plan` it is what undo walks back. */
  readonly weights: Edit['weights'];
  /** Null while one student is enough. */
  readonly second: SecondStudent | null;
  readonly past: readonly StudentEdit[];
  readonly future: readonly StudentEdit[];
  /** The engine's figures for the plan they were asked with. */
  readonly summary: { readonly plan: Plan; readonly value: PlanSummary } | null;

  readonly shown: Partial<Record<Side, ShownClip>>;
  readonly comparison: ShownComparison | null;
  /** The second student against the teacher, and against the first (plan and weights are the second's). */
  readonly secondComparison: ShownComparison | null;
  readonly studentsComparison: ShownComparison | null;
  readonly latentErrors: readonly LatentErrorStep[];
  /** What a step of the last run took, by the clock: how fast it goes here. Comparisons are measured in `times`. */
  readonly paceMs: number | null;
  readonly decodeMs: number | null;
  readonly run: Run | null;
  /** A rerun is about to start (toggles are gathered for a moment). */
  readonly runPending: boolean;

  readonly player: Player;
  readonly focusedId: string | null; // block with the roving tab stop
  readonly anchorId: string | null; // where a shift-range starts
  readonly hoveredId: string | null;
  /** A preset under the pointer: the map shows what it would remove. */
  readonly tried: Plan | null;

  /** Models from the web that this browser keeps; null until looked up. */
  readonly kept: {
    readonly models: readonly KeptModel[];
    readonly space: StorageSpace | undefined;
    readonly persistent: boolean;
  } | null;
  /** By the id of a kept model: whether its files are what was downloaded. */
  readonly keptChecks: Readonly<Record<string, KeptCheck>>;
  readonly panel: 'none' | 'export' | 'open';
  readonly exportFormat: ExportFormat;
  /** Whose graph is exported; null: the decoder's where nothing else is cut. */
  readonly exportComponent: ComponentId | null;
  readonly exporting: { readonly place: PickedPlace | null; readonly progress: ExportProgress | 'starting' } | null;
  readonly exported: Exported | null;
  readonly problem: Problem | null;
  readonly notice: string | null;
}

/** What belongs to the open model and goes with it. */
export const nothingMade = {
  weights: 'original',
  second: null,
  past: [],
  future: [],
  summary: null,
  shown: {},
  comparison: null,
  secondComparison: null,
  studentsComparison: null,
  latentErrors: [],
  paceMs: null,
  decodeMs: null,
  exported: null,
  exportComponent: null,
  anchorId: null,
  hoveredId: null,
} satisfies Partial<StudioState>;

export const initialState: StudioState = {
  ...nothingMade,
  open: null,
  opening: null,
  status: null,
  backend: 'auto',
  device: 'ok',
  settings: { prompt: '', seed: 1, steps: 16, guidance: 3 },
  rerun: 'at-once',
  plan: NOTHING_DROPPED,
  run: null,
  runPending: false,
  player: {
    frame: 0,
    playing: false,
    loop: true,
    speed: 1,
    view: 'side-by-side',
    pair: 'student',
    split: 0.5,
    zoom: 0,
    differenceGain: 4,
  },
  focusedId: null,
  tried: null,
  kept: null,
  keptChecks: {},
  panel: 'none',
  exportFormat: 'onnx',
  exporting: null,
  problem: null,
  notice: null,
};

export const useStudio = create<StudioState>()(() => initialState);

export const read = useStudio.getState;
export const write = useStudio.setState;

/** Teacher's and student's totals of the decoder under the current plan; null while the engine counts, or without one. */
export function decoderTotals(state: StudioState): { readonly teacher: Totals; readonly student: Totals } | null {
  return state.summary?.plan === state.plan ? (state.summary.value.decoder ?? null) : null;
}

/** The student's totals under the current plan; null while the engine counts. */
export function studentTotals(state: StudioState): Totals | null {
  return state.summary?.plan === state.plan ? state.summary.value.student : null;
}
