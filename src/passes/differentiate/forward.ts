/**
 * A model ready to be differentiated: in float32, at fixed sizes, and with every operator between the wanted values and
 * the outputs written in operators that have gradient rules. All else is copied as it is. Values keep their names.
 */
import { StudioError } from '../../errors/StudioError';
import { avoidRuntimeNames } from '../../onnx/avoidRuntimeNames';
import { allNames, hasSubgraph, usedNames } from '../../onnx/graph';
import type { Model } from '../../onnx/model';
import { numbersOf } from '../../onnx/shapes/Value';
import { fixSizes, type Sizes } from './fixSizes';
import { GraphWriter } from './GraphWriter';
import { activationLowerings } from './lowerings/activation';
import { attentionLowerings } from './lowerings/attention';
import { convolutionLowerings } from './lowerings/convolution';
import { normalisationLowerings } from './lowerings/normalisation';
import { productLowerings } from './lowerings/products';
import type { Lowerings, Numbers } from './Rule';

export const lowerings: Lowerings = {
  ...activationLowerings,
  ...attentionLowerings,
  ...convolutionLowerings,
  ...normalisationLowerings,
  ...productLowerings,
};

export interface Forward {
  /** Has written the whole graph; losses and gradients go on with it. */
  readonly w: GraphWriter;
  /** Flat, in float32, at fixed sizes; its nodes are those before lowering. */
  readonly model: Model;
  readonly numbers: Numbers;
}

export interface ForwardOptions extends Sizes {
  /** Values to differentiate by: inputs of the graph, or initializers, which become inputs. */
  readonly wanted: readonly string[];
}

const oldestOpset = 13;

/** `model` must be in float32 (see `toFloat32`). Throws `onnx/unsupported` for opsets before 13. */
export function forward(model: Model, { wanted, ...sizes }: ForwardOptions): Forward {
  const opset = model.opsets.get('') ?? 0;
  if (opset < oldestOpset) {
    const message = `Gradients need operators of opset ${oldestOpset} at least; this model has ${opset}.`;
    throw new StudioError('onnx/unsupported', message, { opset });
  }
  const fixed = fixSizes(model, sizes, new Set(wanted));
  const { graph } = fixed.model;
  // float64 is there for tests: constants have to be of the type of what they are used with
  const floatType = wanted.some((name) => fixed.types.get(name)?.dataType === 'float64') ? 'float64' : 'float32';
  const w = new GraphWriter(opset, fixed.types, allNames(graph), 'd/', floatType);
  const numbers: Numbers = (name = '') => w.numbers(name) ?? numbersOf(fixed.values.get(name));
  const active = new Set(wanted);
  for (const node of graph.nodes) {
    const depends = usedNames(node).some((name) => active.has(name));
    if (depends) for (const name of node.outputs) if (w.isFloat(name) || !w.types.has(name)) active.add(name);
    const floats = depends && node.outputs.some((name) => active.has(name)) && !hasSubgraph(node);
    const lower = floats ? (lowerings[`${node.domain}.${node.opType}`] ?? lowerings[node.opType]) : undefined;
    if (!lower?.({ w, node, inputs: node.inputs, numbers })) w.nodes.push(node);
  }
  return { w, model: fixed.model, numbers };
}

/** The model with everything that was written; dead code is the caller's to remove. */
export function written({ w, model }: Pick<Forward, 'w' | 'model'>): Model {
  const initializers = new Map([...model.graph.initializers, ...w.initializers]);
  return { ...model, graph: avoidRuntimeNames({ ...model.graph, nodes: w.nodes, initializers }) };
}
