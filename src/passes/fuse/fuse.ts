/**
 * Subgraphs that a backend has one kernel for become that kernel's operator. For what the runtime gets, never for what
 * is exported: the operators are onnxruntime's own.
 */
import { inlineFunctions } from '../../onnx/inlineFunctions';
import type { Model } from '../../onnx/model';
import type { GraphEditor } from '../GraphEditor';
import { type BoundSizes, edited } from '../tidy/tidy';
import { shortenViews } from '../tidy/views';
import { fuseActivations } from './activations';
import { fuseAttention } from './attention';
import { fuseBiases } from './biases';
import { groupNormsAsLayers } from './groupNorms';
import { mergeProjections } from './projections';
import { shareRepeatedKeys } from './repeats';
import { fuseSkipNorms } from './skipNorms';

export type Fusion =
  | 'MultiHeadAttention'
  | 'Gelu'
  | 'FastGelu'
  | 'QuickGelu'
  | 'SkipLayerNormalization'
  /** Norms by groups as LayerNormalization. */
  | 'GroupNorms'
  /** Products of one value with three matrices and more as one, where they are otherwise so from four on. */
  | 'Projections';

/** What onnxruntime's CPU, WASM and WebGPU backends all have; whether they compute it rightly is for a self-test to say. */
export const allFusions: ReadonlySet<Fusion> = new Set(['MultiHeadAttention', 'Gelu', 'FastGelu', 'QuickGelu']);

/**
 * What pays on WebGPU alone, in dispatches. On the CPU the norm of a sum in one operator rounds more: the preview of
 * emoji-t2v under VDMini's cut was 4e-4 from its exported file with it, below 1e-4 without.
 */
const webgpuFusions: readonly Fusion[] = ['SkipLayerNormalization', 'GroupNorms', 'Projections'];

/** Those that pay on a backend, but for operators that it computes wrongly. */
export function fusionsOn(backend: string, distrusted: ReadonlySet<string>): ReadonlySet<Fusion> {
  const paying = backend === 'webgpu' ? [...allFusions, ...webgpuFusions] : [...allFusions];
  return new Set(paying.filter((operator) => !distrusted.has(operator)));
}

export interface FuseOptions {
  /** Values that keep their meaning: what gates replace, and what replaces it. */
  readonly kept?: Iterable<string>;
  readonly fusions?: ReadonlySet<Fusion>;
}

/** Throws as shape inference. */
export function fuse(model: Model, sizes: BoundSizes, { kept = [], fusions = allFusions }: FuseOptions = {}): Model {
  const editor = edited(inlineFunctions(model), sizes, kept, 'fuse');
  fuseIn(editor, fusions, sizes.batch);
  return editor.finish();
}

/** Views are shortened on the way: those that attention leaves cancel, and what repeats is found behind them. */
export function fuseIn(editor: GraphEditor, fusions: ReadonlySet<Fusion>, batch = 1): void {
  fuseActivations(editor, fusions);
  if (fusions.has('MultiHeadAttention')) fuseAttention(editor, batch);
  shortenViews(editor);
  if (fusions.has('MultiHeadAttention')) shareRepeatedKeys(editor);
  editor.sweep();
  mergeProjections(editor, fusions.has('Projections') ? 3 : 4);
  if (fusions.has('SkipLayerNormalization')) fuseSkipNorms(editor);
  if (fusions.has('GroupNorms')) groupNormsAsLayers(editor);
  fuseBiases(editor);
  shortenViews(editor);
}
