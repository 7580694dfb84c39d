/** Types of a denoiser's values, once for discovery and for whoever counts or gates after it. */
import { present } from '../errors/present';
import { inlineFunctions } from '../onnx/inlineFunctions';
import type { Model, TensorType } from '../onnx/model';
import { inferShapes } from '../onnx/shapes/inferShapes';

/** Operators that no shape rule knows, one after the other, that the search gets past. */
const maxOpaque = 8;

/**
 * Behind an operator that no rule knows, all shapes would be unknown. Where such a result is added to a value of known
 * shape, the sum is taken to keep that shape, so that the rest of the network can be told; the addition itself stays
 * unverified. Each needs an inference of its own. Throws `onnx/invalid-graph` as shape inference does.
 */
export function denoiserTypes(whole: Model, bindings: ReadonlyMap<string, number>): ReadonlyMap<string, TensorType> {
  const model = inlineFunctions(whole);
  const assumed = new Map<string, TensorType>();
  for (;;) {
    const types = inferShapes(assumed.size === 0 ? model : withTypes(model, assumed), bindings);
    const sum = assumed.size < maxOpaque ? firstOpaqueSum(model, types) : undefined;
    if (!sum || assumed.has(sum.name)) return types;
    assumed.set(sum.name, sum.type);
  }
}

/** Outputs of the graph too: what they declare comes before the rest of the file. */
function withTypes(model: Model, assumed: ReadonlyMap<string, TensorType>): Model {
  const valueInfo = new Map(model.graph.valueInfo);
  for (const [name, type] of assumed) valueInfo.set(name, { name, type });
  const outputs = model.graph.outputs.map((output) => ({ ...output, type: assumed.get(output.name) ?? output.type }));
  return { ...model, graph: { ...model.graph, valueInfo, outputs } };
}

function firstOpaqueSum(
  { graph }: Model,
  types: ReadonlyMap<string, TensorType>,
): { name: string; type: TensorType } | undefined {
  const isKnown = (name: string) => types.get(name)?.shape?.every((dim) => typeof dim === 'number') ?? false;
  for (const { opType, domain, inputs, outputs } of graph.nodes) {
    const [output] = outputs;
    if (opType !== 'Add' || domain !== '' || output === undefined || types.get(output)?.shape) continue;
    const summand = inputs.find((name) => isKnown(name) && !graph.initializers.has(name));
    if (summand !== undefined) return { name: output, type: present(types.get(summand)) };
  }
  return undefined;
}
