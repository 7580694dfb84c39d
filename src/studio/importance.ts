/**
 * Which blocks matter: each unit switched off alone, and what that does to the guided output of the denoiser on the
 * teacher's own states, split exactly into content and motion and by noise band. Causal truth, not a proxy; what two
 * cuts do together is another question (`planCuts`).
 */
import type { Block, BlockTree } from '../blocks/block';
import type { Plan } from '../blocks/plan';
import type { GenerateSettings } from './GenerateSettings';
import type { Pipeline } from './Pipeline';
import { latentError, outputOn, type SplitError, type TeacherRun, teacherRun } from './teacherRuns';
import { variantOf } from './Variant';

export type UnitKind = 'layers' | 'pairs' | 'stages' | 'runs';

/** Something that is switched off as one. */
export interface Unit {
  /** Of the block, or 'first..last' of a run. */
  readonly id: string;
  readonly plan: Plan;
  readonly kind: string;
  readonly section: string;
  readonly level: number;
  readonly depth: number;
  readonly parameters: number;
  readonly macs: number;
}

/** States with a larger share of noise than this are of the high band: there motion is decided (arXiv 2512.22175). */
export const HIGH_NOISE = 0.6;

export interface Damage extends SplitError {
  /** Half the 95 % interval of `total` over runs; 0 for a single run. */
  readonly halfInterval: number;
}

export interface UnitImportance extends Unit {
  /** Over all states of all runs. */
  readonly output: Damage;
  /** By noise band; null where no state is of that band. */
  readonly highNoise: SplitError | null;
  readonly lowNoise: SplitError | null;
}

export interface Importance {
  readonly settings: readonly GenerateSettings[];
  readonly units: readonly UnitImportance[];
}

export interface ImportanceProgress {
  readonly done: number;
  readonly of: number;
  readonly unit: UnitImportance;
}

export interface MeasureOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ImportanceProgress) => void;
  /** Awaited before every denoiser call: lets what a person waits for go first. */
  readonly turn?: () => Promise<void>;
}

/** Longest contiguous run of transformer blocks that is offered. */
const LONGEST_RUN = 6;

/** What can go, as units of one kind. Ids of children of dropped parents are not repeated. */
export function unitsOf(tree: BlockTree, kind: UnitKind): readonly Unit[] {
  const droppable = (block: Block): boolean => block.droppable;
  if (kind === 'stages') return [...tree.blocks.filter(droppable), ...tree.groups.filter(droppable)].map(unitOf);
  if (kind === 'runs') return runsOf(tree.blocks.filter(({ kind: of }) => of === 'transformer'));
  const wanted = (block: Block): readonly Block[] => {
    const inner = block.children.flatMap(wanted);
    const isPair = kind === 'pairs' && (block.kind === 'pair' || block.kind === 'transformer');
    return droppable(block) && (isPair || inner.length === 0) ? [block] : inner;
  };
  return tree.blocks.flatMap(wanted).map(unitOf);
}

function unitOf({ id, kind, section, level, depth, parameters, macs }: Block): Unit {
  return { id, plan: { dropped: [id] }, kind, section, level, depth, parameters, macs };
}

function runsOf(blocks: readonly Block[]): readonly Unit[] {
  const runs: Unit[] = [];
  for (let first = 0; first < blocks.length; first++) {
    for (let length = 1; length <= LONGEST_RUN && first + length <= blocks.length; length++) {
      const run = blocks.slice(first, first + length);
      if (!run.every(({ droppable }) => droppable)) break;
      const sum = (key: 'parameters' | 'macs') => run.reduce((total, block) => total + block[key], 0);
      const id = length === 1 ? run[0]!.id : `${run[0]!.id}..${run.at(-1)!.id}`;
      runs.push({
        ...unitOf(run[0]!),
        id,
        kind: length === 1 ? 'transformer' : 'run',
        plan: { dropped: run.map((block) => block.id) },
        parameters: sum('parameters'),
        macs: sum('macs'),
      });
    }
  }
  return runs;
}

/** Throws what running throws, and the signal's reason. */
export async function measureImportance(
  pipeline: Pipeline,
  units: readonly Unit[],
  settings: readonly GenerateSettings[],
  options: MeasureOptions = {},
): Promise<Importance> {
  if (units.length === 0) return { settings, units: [] };
  const runs: TeacherRun[] = [];
  for (const one of settings) runs.push(await teacherRun(pipeline, one, options.signal, options.turn));
  const measured: UnitImportance[] = [];
  for (const unit of units) {
    const importance = await measureUnit(pipeline, unit, runs, options);
    measured.push(importance);
    options.onProgress?.({ done: measured.length, of: units.length, unit: importance });
  }
  return { settings, units: measured };
}

async function measureUnit(
  pipeline: Pipeline,
  unit: Unit,
  runs: readonly TeacherRun[],
  { signal, turn }: MeasureOptions,
): Promise<UnitImportance> {
  const perRun: SplitError[][] = [];
  const bands: Record<'high' | 'low', SplitError[]> = { high: [], low: [] };
  for (const run of runs) {
    const errors: SplitError[] = [];
    for (const state of run.states) {
      await turn?.();
      signal?.throwIfAborted();
      const output = await outputOn(pipeline, variantOf(unit.plan), run, state);
      const error = latentError(pipeline, state.output, output);
      errors.push(error);
      bands[state.noiseShare > HIGH_NOISE ? 'high' : 'low'].push(error);
    }
    perRun.push(errors);
  }
  const band = (errors: readonly SplitError[]) => (errors.length === 0 ? null : meanError(errors));
  const output = { ...meanError(perRun.flat()), halfInterval: halfInterval(perRun.map((run) => meanError(run).total)) };
  return { ...unit, output, highNoise: band(bands.high), lowNoise: band(bands.low) };
}

export function meanError(errors: readonly SplitError[]): SplitError {
  const mean = (key: keyof SplitError) => errors.reduce((sum, error) => sum + error[key], 0) / errors.length;
  return { content: mean('content'), motion: mean('motion'), total: mean('total') };
}

/** 1.96 standard errors of the mean. */
function halfInterval(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return 1.96 * Math.sqrt(variance / values.length);
}
