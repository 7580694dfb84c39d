/**
 * Prompts and seeds as a batch: for each, the teacher and every student from the same noise, and their figures. It
 * gives way between steps and between slices of measuring. No clip is kept: made again, it is the same.
 */
import { present } from '../errors/present';
import { figuresOf } from '../metrics/clipFigures';
import type { GridCell, GridProgress, GridRequest } from './gridData';
import type { Pipeline } from './Pipeline';
import { takeSampler } from './sampleTakes';
import { TEACHER } from './Variant';

export interface GridOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: GridProgress) => void;
  /** Awaited before every step: resolves when it is the batch's turn again. */
  readonly turn?: () => Promise<void>;
}

/** Throws what sampling throws, and the signal's reason. */
export async function measureGrid(
  pipeline: Pipeline,
  { variants, settings }: GridRequest,
  { signal, onProgress, turn }: GridOptions = {},
): Promise<readonly GridCell[]> {
  const sample = takeSampler(pipeline); // of its own: the clips on screen stay kept
  const cells: GridCell[] = [];
  for (const [index, one] of settings.entries()) {
    const takes = [TEACHER, ...variants].map((variant) => ({ variant, settings: one }));
    const options = { ...(signal ? { signal } : {}), ...(turn ? { turn } : {}) };
    const { comparisons } = await sample({ takes, previewEvery: 0 }, options);
    const cell = { index, figures: comparisons.slice(1).map((comparison) => figuresOf(present(comparison))) };
    cells.push(cell);
    onProgress?.({ done: cells.length, of: settings.length, cell });
  }
  return cells;
}
