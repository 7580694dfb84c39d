/**
 * Which units' final latents are worth their calls. A unit's damage to the end of the clip cannot be shared with the
 * teacher's calls beyond the first step; but it stays within a few times its damage to the guided outputs (on emoji-t2v
 * between 0.4 and 3.9 times, over twelve decades). So the units that matter are measured, and the rest get bounds from
 * what was measured: an expectation that says so, not a measurement.
 */
import type { SplitError } from './teacherRuns';

export interface FinalBounds {
  readonly low: number;
  readonly high: number;
}

/** Share of the largest damage to the outputs under which a unit gets bounds. */
export const FINAL_ABOVE = 0.01;
/** So many are measured in any case: bounds from fewer would be a guess. */
const FEWEST_MEASURED = 8;
/** How much further than what was measured the bounds reach. */
const MARGIN = 2;

/** The largest damage first; what does nothing at all to the outputs is bounded only where enough others are measured. */
export function worthFinal<Measured extends { readonly output: SplitError }>(
  units: readonly Measured[],
  above: number,
): { readonly measured: readonly Measured[]; readonly bounded: readonly Measured[] } {
  const ordered = units.toSorted((a, b) => b.output.total - a.output.total);
  const least = above * (ordered[0]?.output.total ?? 0);
  const count = ordered.filter(({ output }, index) => index < FEWEST_MEASURED || output.total >= least).length;
  return { measured: ordered.slice(0, count), bounded: ordered.slice(count) };
}

/** By the ratios of final to output damage of units that have both. */
export function finalBounds(
  measured: readonly { readonly output: SplitError; readonly final: SplitError | null }[],
): (output: number) => FinalBounds {
  const ratios = measured.flatMap(({ output, final }) =>
    final && output.total > 0 ? [final.total / output.total] : [],
  );
  if (ratios.length === 0) return () => ({ low: 0, high: Infinity });
  const [low, high] = [Math.min(...ratios) / MARGIN, Math.max(...ratios) * MARGIN];
  return (output) => ({ low: output * low, high: output * high });
}
