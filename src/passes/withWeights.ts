/** The same graph with other weights: initializers replaced by name. Nothing else of the graph changes. */
import { StudioError } from '../errors/StudioError';
import type { Model, Tensor } from '../onnx/model';

/** Throws `engine/no-weights` for a tensor whose name, type or dimensions the graph does not have. */
export function withWeights(model: Model, tensors: ReadonlyMap<string, Tensor>): Model {
  const initializers = new Map(model.graph.initializers);
  for (const [name, tensor] of tensors) {
    const known = initializers.get(name);
    if (!known || known.dataType !== tensor.dataType || known.dims.join() !== tensor.dims.join()) {
      const wanted = known ? `${known.dataType} [${known.dims.join(', ')}]` : 'no weight of that name';
      throw new StudioError(
        'engine/no-weights',
        `The weights do not fit this model: ${name} is ${tensor.dataType} [${tensor.dims.join(', ')}], the model has ${wanted}.`,
        { name },
      );
    }
    initializers.set(name, { ...tensor, name });
  }
  return { ...model, graph: { ...model.graph, initializers } };
}
