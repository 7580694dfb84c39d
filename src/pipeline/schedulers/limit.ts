/** Keeping the denoised latent in range: `clip_sample`, and dynamic thresholding (Saharia et al. 2022, arXiv 2205.11487). */
import { present } from '../../errors/present';
import { booleanField, numberField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { SCHEDULER_FILE } from './schedulerFields';

export type Limit =
  | { readonly kind: 'clip'; readonly range: number }
  /** Clamped to the quantile of its own magnitudes (between 1 and `most`), and divided by it. */
  | { readonly kind: 'threshold'; readonly quantile: number; readonly most: number };

/** A new array; the whole clip is one sample. */
export function limited(values: Float64Array, limit: Limit): Float64Array {
  const range =
    limit.kind === 'clip' ? limit.range : Math.min(limit.most, Math.max(1, quantile(values, limit.quantile)));
  const scale = limit.kind === 'clip' ? 1 : 1 / range;
  return values.map((value) => Math.min(range, Math.max(-range, value)) * scale);
}

/** Of the magnitudes, by linear interpolation between neighbours (torch.quantile). */
function quantile(values: Float64Array, fraction: number): number {
  const sorted = values.map(Math.abs).sort();
  const position = fraction * (sorted.length - 1);
  const low = Math.floor(position);
  return present(sorted[low]) + (position - low) * ((sorted[low + 1] ?? present(sorted[low])) - present(sorted[low]));
}

/** `thresholding` comes before `clip_sample`, as in diffusers. */
export function limitOf(config: SchedulerConfig, clipsByDefault: boolean): Limit | undefined {
  const threshold = thresholdOf(config);
  if (threshold) return threshold;
  if (!booleanField(config, 'clip_sample', clipsByDefault, SCHEDULER_FILE)) return undefined;
  return { kind: 'clip', range: numberField(config, 'clip_sample_range', 1, SCHEDULER_FILE) };
}

export function thresholdOf(config: SchedulerConfig): Limit | undefined {
  if (!booleanField(config, 'thresholding', false, SCHEDULER_FILE)) return undefined;
  return {
    kind: 'threshold',
    quantile: numberField(config, 'dynamic_thresholding_ratio', 0.995, SCHEDULER_FILE),
    most: numberField(config, 'sample_max_value', 1, SCHEDULER_FILE),
  };
}
