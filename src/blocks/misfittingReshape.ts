/** Whether a graph can hold at the sizes that it declares to take: exporters write sizes down as numbers that they leave open elsewhere. */
import { elementCount } from '../onnx/dataTypes';
import { inlineFunctions } from '../onnx/inlineFunctions';
import type { Model, Node, TensorType } from '../onnx/model';
import { isConcrete } from '../onnx/shapes/Value';

/** A Reshape whose target has another number of elements than its input, at the sizes of `types`; so every run at them fails. */
export function misfittingReshape(whole: Model, types: ReadonlyMap<string, TensorType>): Node | undefined {
  const countOf = (name: string | undefined): number | undefined => {
    const shape = name === undefined ? undefined : types.get(name)?.shape;
    return shape && isConcrete(shape) ? elementCount(shape) : undefined;
  };
  return inlineFunctions(whole).graph.nodes.find(({ opType, domain, inputs, outputs }) => {
    if (opType !== 'Reshape' || domain !== '') return false;
    const [given, asked] = [countOf(inputs[0]), countOf(outputs[0])];
    return given !== undefined && asked !== undefined && given !== asked;
  });
}
