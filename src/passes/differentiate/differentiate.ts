/**
 * From a model to the graph of its gradients: the model's inputs and `target`; `loss`, the mean squared difference of the
 * first output to the target, and `gradient:NAME` for each weight. An ordinary inference graph, for any runtime.
 */
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import { removeDeadCode } from '../../onnx/graph';
import type { Model, Tensor, ValueInfo } from '../../onnx/model';
import type { Sizes } from './fixSizes';
import { forward, written } from './forward';
import type { GraphWriter } from './GraphWriter';
import { reverse } from './reverse';
import { castToFloat32, isHalf, toFloat32 } from './toFloat32';
import { chosenWeights } from './weights';

/** Every size must be known. */
export interface DifferentiateOptions extends Sizes {
  /** See `chosenWeights`. */
  readonly withRespectTo?: RegExp | ((weight: Tensor) => boolean);
}

/**
 * Weights stay as stored. Half precision is computed in float32, inputs and outputs included. Weights that the output does
 * not depend on get no output. Throws `passes/nothing-to-train`, `passes/no-gradient`, `passes/unbound-size`.
 */
export function differentiate(model: Model, { withRespectTo, ...sizes }: DifferentiateOptions = {}): Model {
  const weights = chosenWeights(model, withRespectTo);
  const names = weights.map(({ name }) => name);
  const given = forward(toFloat32(model, new Set(names)), { ...sizes, wanted: names });
  const { w, numbers } = given;
  const [output] = given.model.graph.outputs;
  const target = 'target';
  w.types.set(target, w.type(present(output).name));
  const loss = meanSquare(w, w.sub(present(output).name, target), 'loss');
  const gradients = reverse(w, loss, names, numbers);
  if (gradients.size === 0)
    throw new StudioError(
      'passes/nothing-to-train',
      `The output '${present(output).name}' depends on none of the chosen weights.`,
    );
  const results = [...gradients].map(([name, gradient]) => {
    const as = `gradient:${name}`;
    w.emit('Identity', [gradient], [w.type(gradient)], { as });
    return as;
  });
  const chosen = new Set(names);
  const whole = withWeights(written(given), weights);
  const info = (name: string): ValueInfo => ({ name, type: w.type(name) });
  return {
    ...whole,
    graph: removeDeadCode({
      ...whole.graph,
      inputs: [...whole.graph.inputs.filter(({ name }) => !chosen.has(name)), info(target)],
      outputs: [loss, ...results].map(info),
    }),
  };
}

/** mean(x^2), a scalar. */
export function meanSquare(w: GraphWriter, x: string, as?: string): string {
  const count = w.shape(x).reduce((product, dim) => product * dim, 1);
  return w.times(w.sumAll(w.mul(x, x)), 1 / count, as);
}

/** Gives values that had been made inputs their stored weights back, under the same names. */
function withWeights(model: Model, weights: readonly Tensor[]): Model {
  const { graph } = model;
  const initializers = new Map(graph.initializers);
  const casts = weights.flatMap((tensor) => {
    if (!isHalf(tensor.dataType)) {
      initializers.set(tensor.name, tensor);
      return [];
    }
    const stored = `${tensor.name}:stored`;
    initializers.set(stored, { ...tensor, name: stored });
    return [castToFloat32(stored, tensor.name)];
  });
  return { ...model, graph: { ...graph, initializers, nodes: [...casts, ...graph.nodes] } };
}
