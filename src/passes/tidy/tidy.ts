/**
 * The graph at its bound sizes, for the runtime alone: constants folded, views shortened, convolutions in their
 * cheapest form. It computes the same to rounding for every batch; what is exported never passes through here.
 */

import { elementCount } from '../../onnx/dataTypes';
import { inlineFunctions } from '../../onnx/inlineFunctions';
import type { Model } from '../../onnx/model';
import { allTensors } from '../../onnx/tensors';
import { clipSizes } from '../clipSizes';
import { GraphEditor } from '../GraphEditor';
import { tidyConvolutions } from './convolutions';
import { foldConstants } from './foldConstants';
import { shortenViews } from './views';

/** What holds when the graph is run. */
export interface BoundSizes {
  /** Symbolic dimension -> size, at a batch of `batch`. */
  readonly bindings: ReadonlyMap<string, number>;
  /** Of these, those that follow the number of clips in a call. */
  readonly free?: ReadonlySet<string>;
  readonly batch?: number;
}

export type TidyPart = 'constants' | 'convolutions' | 'views';

export interface TidyOptions {
  /** Values that keep their meaning: what gates replace, and what replaces it. */
  readonly kept?: Iterable<string>;
  /** Parts left out, to measure the others alone. */
  readonly without?: ReadonlySet<TidyPart>;
  /** What widened weights may take, and rewritten ones again; absent: as `weightBudget` says. */
  readonly weightBudgetBytes?: number;
}

const largestBudgetBytes = 128 * 2 ** 20;
const smallestBudgetBytes = 16 * 2 ** 20;

/** Throws as shape inference. */
export function tidy(
  model: Model,
  sizes: BoundSizes,
  { kept = [], without = new Set(), weightBudgetBytes }: TidyOptions = {},
): Model {
  const flat = inlineFunctions(model);
  const editor = edited(flat, sizes, kept, 'tidy');
  tidyIn(editor, without, weightBudgetBytes ?? weightBudget(flat));
  return editor.finish();
}

export function tidyIn(editor: GraphEditor, without: ReadonlySet<TidyPart>, weightBudgetBytes: number): void {
  if (!without.has('constants')) foldConstants(editor, 2 * weightBudgetBytes);
  if (!without.has('convolutions')) tidyConvolutions(editor, weightBudgetBytes);
  if (!without.has('views')) shortenViews(editor);
}

export function edited(model: Model, sizes: BoundSizes, kept: Iterable<string>, prefix: string): GraphEditor {
  return new GraphEditor(model, clipSizes(model, sizes.bindings, sizes.free, sizes.batch), kept, prefix);
}

/**
 * Bytes that rewritten weights may take: half of what the model's own take as float32, so that no large model doubles,
 * and 128 MB at most; a small one may always take 16. Widened 16-bit weights, which the runtime would widen itself,
 * may take twice that.
 */
export function weightBudget(model: Model): number {
  let weightBytes = 0;
  for (const { dims, data } of allTensors(model)) if (data.kind !== 'strings') weightBytes += 4 * elementCount(dims);
  return Math.min(largestBudgetBytes, Math.max(smallestBudgetBytes, weightBytes / 2));
}
