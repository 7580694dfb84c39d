/** What a search for a plan is asked, reports and gives: plain data. */
import type { Plan } from '../blocks/plan';
import type { GenerateSettings } from './GenerateSettings';
import type { SplitError } from './teacherRuns';
import type { Unit } from './units';

/** What a budget is counted in. */
export type Currency = 'macs' | 'parameters' | 'ms';

export interface Budget {
  readonly currency: Currency;
  /** Of the teacher's, 0..1: a plan may cost at most this. */
  readonly share: number;
}

/** Shares of the teacher's. */
export interface Cost {
  readonly macs: number;
  readonly parameters: number;
  /** Time of a step on this backend; null where it was neither measured nor foretold from its units' times. */
  readonly ms: number | null;
  /** Holds the median of `ms` nine times in ten; null where it was not measured in turns. */
  readonly msInterval: readonly [number, number] | null;
}

export interface MeasuredPlan {
  readonly plan: Plan;
  readonly cost: Cost;
  /** Of the guided output on the teacher's states. */
  readonly error: SplitError;
}

export interface Baseline extends MeasuredPlan {
  readonly name: string;
}

export interface PlanRequest {
  readonly units: readonly Unit[];
  readonly budget: Budget;
  /** What the damages weigh; both 1 when absent. */
  readonly content?: number;
  readonly motion?: number;
  /** Blocks that stay, whatever it costs. */
  readonly locked?: readonly string[];
  /** The clips whose states are the measure. */
  readonly settings: readonly GenerateSettings[];
  /** Plans to measure beside it, and how many random ones. */
  readonly presets?: readonly { readonly name: string; readonly plan: Plan }[];
  readonly randomPlans?: number;
  /** Also the time of the found plan and of the baselines; always where the budget is time. */
  readonly times?: boolean;
  /** Plans that the beam follows beside the greedy one; 0: none. */
  readonly beam?: number;
  /** Errors that were measured before on the same clips, the units' own too: they are not measured again. */
  readonly known?: readonly KnownError[];
}

export interface KnownError {
  readonly plan: Plan;
  readonly error: SplitError;
}

export interface PlanOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PlanProgress) => void;
  /** Awaited before every denoiser call. */
  readonly turn?: () => Promise<void>;
  /** Whether nothing else ran since the last turn: pairs of times count only then. */
  readonly alone?: () => boolean;
}

export interface PlanProgress {
  readonly measured: number;
  /** Within the budget so far, if any is. */
  readonly best: MeasuredPlan | null;
  /** The plan that was measured last. */
  readonly latest: MeasuredPlan;
}

export interface PlanResult extends MeasuredPlan {
  /** False where even dropping every candidate costs more than the budget: the cheapest plan then. */
  readonly fits: boolean;
  readonly baselines: readonly Baseline[];
  /** No measured plan is both cheaper and better than one of these; dearest first. */
  readonly front: readonly MeasuredPlan[];
  readonly measured: number;
}
