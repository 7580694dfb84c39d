/**
 * Which blocks matter: each unit switched off alone, and what that does to the guided output of the denoiser on the
 * teacher's own states (and to the clip's final latent), split exactly into content and motion and by noise band.
 * Causal truth, beside a proxy and the measured time. What two cuts do together is another question (`planCuts`).
 */
import { present } from '../errors/present';
import type { MedianInterval } from '../metrics/pairedTimes';
import { blockInfluence, measureInfluence, streamEnds, unitStreams } from './blockInfluence';
import { type Damage, damageOf, HIGH_NOISE, meanError } from './damage';
import { FINAL_ABOVE, type FinalBounds, finalBounds, worthFinal } from './finalLatents';
import type { GenerateSettings } from './GenerateSettings';
import { measurePairs, stepUnder } from './measureTimes';
import type { Pipeline, RunGraphs } from './Pipeline';
import { openPartialDenoiser, type PartialDenoiser, partFor } from './partialDenoiser';
import { type GroupedStates, groupCalls, groupOutputs, groupStates, type ProbedState } from './stateGroups';
import { type Segment, sweepSegments } from './sweepSegments';
import { type GroupFeatures, openTeacherFeatures, type TeacherFeatures } from './teacherFeatures';
import { finalLatentUnder, latentError, type SplitError, type TeacherRun, teacherRun } from './teacherRuns';
import type { Unit } from './units';
import { TEACHER, variantOf } from './Variant';

export interface UnitImportance extends Unit {
  /** Over all states of all runs. */
  readonly output: Damage;
  /** By noise band; null where no state is of that band. */
  readonly highNoise: SplitError | null;
  readonly lowNoise: SplitError | null;
  /** Of the clip's latent at the end, where the unit is off in every step; null where it was not measured. */
  readonly final: Damage | null;
  /** Between what its total is expected to lie where the output's damage is too small to be worth the calls (`finalLatents`). */
  readonly finalBounds: FinalBounds | null;
  /** 1 - cos of what goes in and what comes out, for each stream; null where it could not be told. */
  readonly influence: readonly number[] | null;
  /** Of a step, without the unit; null where it was not asked for. */
  readonly savedMs: MedianInterval | null;
}

export interface Importance {
  readonly settings: readonly GenerateSettings[];
  readonly units: readonly UnitImportance[];
  /** What it took, in calls of the whole denoiser: of parts, as their share of the MACs. Times not counted. */
  readonly calls: number;
}

/** A unit is measured; or, before the first, what the proxy says of all. */
export interface ImportanceProgress {
  readonly done: number;
  readonly of: number;
  readonly unit?: UnitImportance;
  readonly influences?: Readonly<Record<string, readonly number[]>>;
}

export interface MeasureOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ImportanceProgress) => void;
  /** Awaited before every denoiser call: lets what a person waits for go first. */
  readonly turn?: () => Promise<void>;
  /** Whether nothing else ran since the last turn: pairs of times count only then. */
  readonly alone?: () => boolean;
  /** Also the final latents, of the units that matter most first: each as many calls as there are steps but the first. */
  readonly final?: boolean;
  /** Those whose output's damage is below this share of the largest get bounds; 0: all are measured. Default 0.01. */
  readonly finalAbove?: number;
  /** Also the milliseconds that a step saves without each unit. */
  readonly times?: boolean;
}

/** Throws what running throws, and the signal's reason. */
export async function measureImportance(
  pipeline: Pipeline,
  units: readonly Unit[],
  settings: readonly GenerateSettings[],
  options: MeasureOptions = {},
): Promise<Importance> {
  if (units.length === 0) return { settings, units: [], calls: 0 };
  const runs: TeacherRun[] = [];
  for (const one of settings) runs.push(await teacherRun(pipeline, one, options.signal, options.turn));
  return new Sweep(pipeline, units, runs, options).run();
}

/** States that are run together, and what the teacher gave for them where only a part is run. */
interface Probe extends GroupedStates {
  readonly features?: GroupFeatures;
}

/** What a segment is measured with where only a part is run. */
interface Part {
  readonly partial: PartialDenoiser;
  readonly teacher: TeacherFeatures;
  readonly features: readonly string[];
}

class Sweep {
  private readonly measured = new Map<string, UnitImportance>();
  /** Guided outputs on the first state of each run, by unit: where the student's own way to the end begins. */
  private readonly firstOutputs = new Map<string, readonly Float32Array[]>();
  private readonly states: readonly ProbedState[];
  private groups: readonly GroupedStates[] = [];
  private influences: Readonly<Record<string, readonly number[]>> = {};
  private calls: number;

  constructor(
    private readonly pipeline: Pipeline,
    private readonly units: readonly Unit[],
    private readonly runs: readonly TeacherRun[],
    private readonly options: MeasureOptions,
  ) {
    this.states = runs.flatMap((run) => run.states.map((state) => ({ run, state })));
    this.calls = this.states.length;
  }

  async run(): Promise<Importance> {
    const { denoiser } = this.pipeline;
    const first = present(groupCalls(this.pipeline, [present(this.states[0])])[0]);
    const graphs = denoiser.graphsFor(first.feeds);
    const segments = graphs ? sweepSegments(denoiser.tree, this.units, this.states.length) : [];
    const inParts = graphs && segments.some(({ before }) => before > 0) && (await this.inParts(graphs, segments));
    if (!inParts) {
      await this.tellInfluence(await measureInfluence(this.pipeline, this.units, present(this.runs[0])));
      await this.group((group) => groupOutputs(this.pipeline, TEACHER, group));
      if (this.groups.length < this.states.length) this.calls += this.states.length;
      await this.segment({ units: this.units, before: 0 });
    }
    if (this.options.final) await this.finals();
    const settings = this.runs.map((run) => run.settings);
    return { settings, units: this.units.map(({ id }) => present(this.measured.get(id))), calls: this.calls };
  }

  /** False where the teacher's features cannot be had. */
  private async inParts(graphs: RunGraphs, segments: readonly Segment[]): Promise<boolean> {
    const { pipeline } = this;
    const parts = segments.map(({ units, before }) => (before > 0 ? partFor(pipeline, graphs, units) : null));
    const features = [...new Set(parts.flatMap((part) => part?.features ?? []))];
    const streams = unitStreams(pipeline, graphs, this.units);
    const asked = streamEnds(graphs, streams);
    const teacher = await openTeacherFeatures(pipeline, graphs, { kept: features, asked }, this.states.length);
    if (!teacher) return false;
    try {
      if (asked.length > 0) {
        await this.turn();
        const [call] = (await teacher.of([present(this.states[0])], asked)).calls;
        await this.tellInfluence(blockInfluence(streams, { ...present(call).feeds, ...present(call).values }));
      }
      await this.group(async (group) => (await teacher.of(group, features)).outputs);
      if (teacher.keepsAll) this.calls += this.states.length;
      for (const [index, segment] of segments.entries()) {
        const part = parts[index];
        const partial = part ? await openPartialDenoiser(pipeline, graphs, part) : undefined;
        try {
          await this.segment(segment, partial && { partial, teacher, features: present(part).features });
        } finally {
          await partial?.release();
        }
      }
      return true;
    } finally {
      await teacher.release();
    }
  }

  /** Which states are run together from here on. */
  private async group(teacherOn: Parameters<typeof groupStates>[2]): Promise<void> {
    this.groups = await groupStates(this.pipeline, this.states, async (group) => {
      await this.turn();
      return teacherOn(group);
    });
  }

  /** A guess of the order, before anything is measured. */
  private async tellInfluence(influences: Sweep['influences']): Promise<void> {
    if (Object.keys(influences).length === 0) return;
    this.influences = influences;
    this.calls++;
    this.options.onProgress?.({ done: 0, of: this.units.length, influences });
    await this.turn();
  }

  private async segment({ units, before }: Segment, part?: Part): Promise<void> {
    const probes: Probe[] = [];
    for (const { group, references } of this.groups) {
      if (!part) probes.push({ group, references });
      else {
        await this.turn();
        const features = await part.teacher.of(group, part.features);
        probes.push({ group, references: features.outputs, features });
      }
    }
    if (part && !part.teacher.keepsAll) this.calls += this.states.length;
    for (const unit of units) {
      const importance = await this.measure(unit, probes, part?.partial, before);
      this.measured.set(unit.id, importance);
      this.options.onProgress?.({ done: this.measured.size, of: this.units.length, unit: importance });
    }
  }

  private async measure(
    unit: Unit,
    probes: readonly Probe[],
    partial: PartialDenoiser | undefined,
    before: number,
  ): Promise<UnitImportance> {
    const variant = variantOf(unit.plan);
    const perRun: SplitError[][] = this.runs.map(() => []);
    const bands: Record<'high' | 'low', SplitError[]> = { high: [], low: [] };
    const firstOutputs: Float32Array[] = [];
    for (const { group, references, features } of probes) {
      await this.turn();
      const outputs =
        partial && features
          ? await partial.outputsOn(unit.plan, group, features)
          : await groupOutputs(this.pipeline, variant, group);
      this.calls += group.length * (partial ? 1 - before : 1);
      for (const [index, { run, state }] of group.entries()) {
        const error = latentError(this.pipeline, present(references[index]), present(outputs[index]));
        const place = this.runs.indexOf(run);
        present(perRun[place]).push(error);
        bands[state.noiseShare > HIGH_NOISE ? 'high' : 'low'].push(error);
        firstOutputs[place] ??= present(outputs[index]);
      }
    }
    if (this.options.final) this.firstOutputs.set(unit.id, firstOutputs);
    const band = (errors: readonly SplitError[]) => (errors.length === 0 ? null : meanError(errors));
    return {
      ...unit,
      output: damageOf(perRun),
      highNoise: band(bands.high),
      lowNoise: band(bands.low),
      final: null,
      finalBounds: null,
      influence: this.influences[unit.id] ?? null,
      savedMs: this.options.times ? await this.savedMs(unit) : null,
    };
  }

  /** Every unit's final latent or its bounds, once the outputs say which of them matter. */
  private async finals(): Promise<void> {
    const { finalAbove = FINAL_ABOVE, onProgress } = this.options;
    // a single step's output is the way to the end: no call is saved by a bound
    const isFree = this.runs.every(({ states }) => states.length === 1);
    const { measured: worth, bounded } = worthFinal([...this.measured.values()], isFree ? 0 : finalAbove);
    const of = this.units.length + worth.length;
    for (const [index, { id, plan }] of worth.entries()) {
      const final = await this.final(plan, present(this.firstOutputs.get(id)));
      const unit = { ...present(this.measured.get(id)), final };
      this.measured.set(id, unit);
      onProgress?.({ done: this.units.length + index + 1, of, unit });
    }
    const boundsOf = finalBounds(worth.map(({ id }) => present(this.measured.get(id))));
    for (const known of bounded) {
      const unit = { ...known, finalBounds: boundsOf(known.output.total) };
      this.measured.set(unit.id, unit);
      onProgress?.({ done: of, of, unit });
    }
  }

  private async final(plan: Unit['plan'], firstOutputs: readonly Float32Array[]): Promise<Damage> {
    const perRun: SplitError[][] = [];
    for (const [index, run] of this.runs.entries()) {
      const first = present(firstOutputs[index]);
      const latent = await finalLatentUnder(this.pipeline, variantOf(plan), run, first, () => this.turn());
      this.calls += run.states.length - 1;
      perRun.push([latentError(this.pipeline, run.finalLatent, latent)]);
    }
    return damageOf(perRun);
  }

  private async savedMs({ plan }: Unit): Promise<MedianInterval | null> {
    const { signal, turn, alone } = this.options;
    const { settings } = present(this.runs[0]);
    const [teacher, student] = [
      await stepUnder(this.pipeline, TEACHER, settings),
      await stepUnder(this.pipeline, variantOf(plan), settings),
    ];
    const waits = { ...(signal ? { signal } : {}), ...(turn ? { turn } : {}), ...(alone ? { alone } : {}) };
    return (await measurePairs(teacher, student, waits))?.savedMs ?? null;
  }

  private async turn(): Promise<void> {
    await this.options.turn?.();
    this.options.signal?.throwIfAborted();
  }
}
