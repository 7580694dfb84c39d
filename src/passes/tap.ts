/** Exposes inner values as graph outputs, after the ones the graph has. */
import { StudioError } from '../errors/StudioError';
import { producers } from '../onnx/graph';
import type { Model, ValueInfo } from '../onnx/model';

/** Throws `passes/unknown-value`. A value that is an output already is not added again. */
export function tap(model: Model, values: readonly string[]): Model {
  const { graph } = model;
  const madeBy = producers(graph);
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const present = new Set(graph.outputs.map(({ name }) => name));
  const added: ValueInfo[] = [];
  for (const name of new Set(values)) {
    if (!madeBy.has(name) && !inputs.has(name))
      throw new StudioError('passes/unknown-value', `The graph has no value ${name}.`, { value: name });
    if (!present.has(name)) added.push(graph.valueInfo.get(name) ?? { name });
  }
  return { ...model, graph: { ...graph, outputs: [...graph.outputs, ...added] } };
}
