/**
 * The sizes that a component's graph is optimised for: those at which the pipeline calls it, the number of clips (or
 * frames) in a call left free. A call of other sizes must not run on such a graph; `fits` tells.
 */

import { present } from '../errors/present';
import { dataInputs } from '../onnx/graph';
import type { Model } from '../onnx/model';
import type { BoundSizes } from '../passes/tidy/tidy';
import type { Feeds } from '../runtime/Runtime';

/** `batch`: how many of them the bindings hold for. A first axis that has a name of its own follows their number. */
export function boundSizes(model: Model, bindings: ReadonlyMap<string, number>, batch: number): BoundSizes {
  const shapes = dataInputs(model.graph).map(({ type }) => type?.shape ?? []);
  const inner = new Set(shapes.flatMap((shape) => shape.slice(1)));
  const free = new Set(
    shapes.flatMap(([first]) => (typeof first === 'string' && bindings.has(first) && !inner.has(first) ? [first] : [])),
  );
  return { bindings, free, batch };
}

/** Whether a call has the sizes that the graph was optimised for, at some number of clips. */
export function fits(model: Model, { bindings, free = new Set(), batch = 1 }: BoundSizes, feeds: Feeds): boolean {
  const clips = new Set<number>();
  const inputs = dataInputs(model.graph);
  const known = inputs.every(({ name, type }) => {
    const dims = feeds[name]?.dims;
    if (!dims || !type?.shape) return true;
    return type.shape.every((dim, axis) => {
      if (typeof dim !== 'string') return dim === null || dim === dims[axis];
      const size = bindings.get(dim);
      if (free.has(dim)) clips.add((present(dims[axis]) * batch) / present(size));
      return free.has(dim) || size === dims[axis];
    });
  });
  return known && clips.size <= 1;
}
