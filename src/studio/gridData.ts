/** Many clips of some students against the teacher: what is asked for and what is told. Plain data. */
import type { ClipFigures } from '../metrics/clipFigures';
import type { GenerateSettings, Picture } from './GenerateSettings';
import type { Variant } from './Variant';

export interface GridRequest {
  /** Each is compared with the teacher, which runs once for all of them. */
  readonly variants: readonly Variant[];
  readonly settings: readonly GenerateSettings[];
}

/** One clip of every student against the teacher's. */
export interface GridCell {
  /** Index into the request's settings. */
  readonly index: number;
  /** In the order of the request's variants. */
  readonly figures: readonly ClipFigures[];
}

export interface GridProgress {
  readonly done: number;
  readonly of: number;
  readonly cell: GridCell;
}

/**
 * Every prompt with every picture and every seed, prompt by prompt: seeds are `seedCount` in a row, from the base's on.
 * Without pictures all begin with the base's, where it has one.
 */
export function gridSettings(
  base: GenerateSettings,
  prompts: readonly string[],
  seedCount: number,
  pictures: readonly Picture[] = [],
): readonly GenerateSettings[] {
  const begun = pictures.length === 0 ? [base] : pictures.map((image) => ({ ...base, image }));
  const seeds = Array.from({ length: seedCount }, (_, index) => (base.seed + index) % 2 ** 32);
  return [...new Set(prompts)].flatMap((prompt) =>
    begun.flatMap((one) => seeds.map((seed) => ({ ...one, prompt, seed }))),
  );
}
