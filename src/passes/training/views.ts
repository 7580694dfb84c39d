/**
 * Views (Reshape, Transpose) of a training graph made as few as they can be, before and after it is differentiated: an
 * exporter's heads become one attention whose gradients need one Transpose per operand, keys that all frames share are
 * multiplied once per clip, and what forward and backward turn back and forth cancels. Weights stay as they are laid out.
 */
import { inlineFunctions } from '../../onnx/inlineFunctions';
import type { Model } from '../../onnx/model';
import type { Sizes } from '../differentiate/fixSizes';
import type { GraphWriter } from '../differentiate/GraphWriter';
import { type Fusion, fuseIn } from '../fuse/fuse';
import { GraphEditor } from '../GraphEditor';
import { edited, tidyIn, weightBudget } from '../tidy/tidy';
import { shortenViews } from '../tidy/views';

const attentionAlone: ReadonlySet<Fusion> = new Set(['MultiHeadAttention']);

/** Before: at fixed sizes. `kept`: values that losses read. Throws as shape inference. */
export function withAttention(model: Model, { bindings = new Map() }: Sizes, kept: Iterable<string>): Model {
  const flat = inlineFunctions(model);
  const editor = edited(flat, { bindings }, kept, 'attention');
  tidyIn(editor, new Set(['views', 'convolutions']), weightBudget(flat));
  fuseIn(editor, attentionAlone);
  return editor.finish();
}

/** After: of a whole graph that `w` has written. */
export function withFewViews({ types, numbers }: GraphWriter, model: Model): Model {
  const sizes = new Map(
    [...types].map(
      ([name, { dataType, shape }]) => [name, { dataType, shape: shape, constant: numbers(name) }] as const,
    ),
  );
  const editor = new GraphEditor(model, sizes, [], 'view');
  shortenViews(editor);
  return editor.finish();
}
