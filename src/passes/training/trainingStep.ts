/**
 * One training step as one graph of ordinary operators: forward, losses, gradients, AdamW. Weights, moments and averages are
 * flat inputs and outputs, so that a runtime can keep them on its device. Also in two graphs, for gradients gathered over
 * several batches: `buildGradientStep` adds them up, `buildUpdate` uses them.
 */
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import { removeDeadCode } from '../../onnx/graph';
import type { Model, Tensor, ValueInfo } from '../../onnx/model';
import type { Sizes } from '../differentiate/fixSizes';
import { type Forward, forward, written } from '../differentiate/forward';
import { GraphWriter } from '../differentiate/GraphWriter';
import { reverse } from '../differentiate/reverse';
import { chosenWeights } from '../differentiate/weights';
import { type AdamW, defaultAdamW, type OptimiserResult, type OptimiserState, writeAdamW } from './adamW';
import { type Loss, type LossGraph, lossWeight, valuesOf, writeLoss } from './losses';
import { type ParameterLayout, parameterise, parameterLayout, parametersInput } from './parameters';
import { withAttention, withFewViews } from './views';

/** Every size must be known. */
export interface TrainingOptions extends Sizes {
  readonly losses: readonly Loss[];
  /** Which weights are trained (see `chosenWeights`); all where absent. */
  readonly trainable?: RegExp | ((weight: Tensor) => boolean);
  readonly optimiser?: Partial<AdamW>;
  /** Values of the student that come out, too. */
  readonly shown?: readonly string[];
}

/** Names of the state's inputs; each output is called `next:` and the input's name. */
export const stateInputs = [
  'parameters',
  'm',
  'v',
  'average',
  'step',
] as const satisfies readonly (keyof OptimiserState)[];
export const nextOf = (part: string): string => `next:${part}`;

/** What every built graph says of itself. */
interface Built {
  readonly model: Model;
  readonly layout: ParameterLayout;
  /** Inputs besides the student's own and the state: targets, teacher features, labels, loss weights; float32. */
  readonly lossInputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Loss name -> output with its scalar value, without its weight. */
  readonly lossOutputs: ReadonlyMap<string, string>;
}

/**
 * Inputs: the student's own, `lossInputs`, `parameters`, `m`, `v`, `average` [layout.length], `step` and `learningRate`
 * (scalars). Outputs: `loss` (weighted sum), `loss:NAME` each, `gradientNorm`, `next:parameters` and so on.
 */
export interface TrainingStep extends Built {}

/** Inputs: the student's own, `lossInputs`, `parameters`, `gradient` [layout.length]. Outputs: `loss`, `loss:NAME`, `next:gradient`, their sum. */
export interface GradientStep extends Built {}

/** Inputs: `gradient`, `gradientScale` (1 / batches), the state and `learningRate`. Outputs: `gradientNorm` and the next state. */
export interface UpdateStep {
  readonly model: Model;
}

/**
 * `student`: a flat graph, pruned by then. Taps of losses are names of its values. Throws `passes/nothing-to-train`,
 * `passes/no-gradient`, `passes/unbound-size`, `passes/unknown-value`.
 */
export function buildTrainingStep(student: Model, options: TrainingOptions): TrainingStep {
  const draft = lossesAndGradient(student, options);
  const { w, given, layout, inputs } = draft;
  const state = stateTypes(w, layout.length);
  const rate = scalarInput(w, 'learningRate');
  const result = writeAdamW(w, { ...defaultAdamW, ...options.optimiser }, stateNames, draft.gradient, rate, resultName);
  const others = state.filter(({ name }) => name !== parametersInput); // parameterise has declared that one
  return finished(
    draft,
    [...given.model.graph.inputs, ...inputs.values(), ...others, info(w, rate)],
    [...outputsOf(result), ...(options.shown ?? [])],
  );
}

/** As `buildTrainingStep`, without the update. */
export function buildGradientStep(student: Model, options: Omit<TrainingOptions, 'optimiser'>): GradientStep {
  const draft = lossesAndGradient(student, options);
  const { w, given, layout, inputs, gradient } = draft;
  w.types.set('gradient', { dataType: 'float32', shape: [layout.length] });
  const sum = w.add('gradient', gradient, nextOf('gradient'));
  return finished(draft, [...given.model.graph.inputs, ...inputs.values(), info(w, 'gradient')], [sum]);
}

/** The update alone, for a flat tensor of `length` elements. */
export function buildUpdate(length: number, optimiser: Partial<AdamW> = {}): UpdateStep {
  const w = new GraphWriter(updateOpset, new Map(), new Set(), 'u/');
  const state = stateTypes(w, length);
  w.types.set('gradient', { dataType: 'float32', shape: [length] });
  const [scale, rate] = [scalarInput(w, 'gradientScale'), scalarInput(w, 'learningRate')];
  const result = writeAdamW(
    w,
    { ...defaultAdamW, ...optimiser },
    stateNames,
    w.mul('gradient', scale),
    rate,
    resultName,
  );
  const graph = {
    name: 'update',
    nodes: w.nodes,
    initializers: w.initializers,
    inputs: [...state, ...['gradient', scale, rate].map((name) => info(w, name))],
    outputs: outputsOf(result).map((name) => info(w, name)),
    valueInfo: new Map(),
  };
  return {
    model: {
      irVersion: 8,
      opsets: new Map([['', updateOpset]]),
      producerName: 'vdmini',
      producerVersion: '',
      domain: '',
      modelVersion: 0n,
      docString: '',
      graph,
      functions: [],
      metadata: new Map(),
    },
  };
}

const updateOpset = 17;
const stateNames: OptimiserState = { parameters: 'parameters', m: 'm', v: 'v', average: 'average', step: 'step' };
const resultName = (part: keyof OptimiserResult): string => (part === 'gradientNorm' ? part : nextOf(part));
const outputsOf = (result: OptimiserResult): readonly string[] => [
  result.gradientNorm,
  ...stateInputs.map((part) => result[part]),
];
const info = (w: GraphWriter, name: string): ValueInfo => ({ name, type: w.type(name) });

function scalarInput(w: GraphWriter, name: string): string {
  w.types.set(name, { dataType: 'float32', shape: [] });
  return name;
}

function stateTypes(w: GraphWriter, length: number): readonly ValueInfo[] {
  return stateInputs.map((name) => {
    w.types.set(name, { dataType: 'float32', shape: name === 'step' ? [] : [length] });
    return info(w, name);
  });
}

interface Draft {
  readonly w: GraphWriter;
  readonly given: Forward;
  readonly layout: ParameterLayout;
  readonly inputs: ReadonlyMap<string, ValueInfo>;
  readonly loss: string;
  readonly lossOutputs: ReadonlyMap<string, string>;
  /** Flat. */
  readonly gradient: string;
}

function lossesAndGradient(
  student: Model,
  { losses, trainable, bindings, inputValues, shown = [] }: TrainingOptions,
): Draft {
  const layout = parameterLayout(chosenWeights(student, trainable));
  const sizes: Sizes = { ...(bindings && { bindings }), ...(inputValues && { inputValues }) };
  const prepared = withAttention(parameterise(student, layout), sizes, [...losses.flatMap(valuesOf), ...shown]);
  const given = forward(prepared, { ...sizes, wanted: [parametersInput] });
  const { w } = given;
  const inputs = new Map<string, ValueInfo>();
  const own = new Set(given.model.graph.inputs.map(({ name }) => name));
  const graph: LossGraph = {
    w,
    outputs: given.model.graph.outputs.map(({ name }) => name),
    input(name, shape) {
      if (!inputs.has(name) && !own.has(name)) {
        w.types.set(name, { dataType: 'float32', shape });
        inputs.set(name, info(w, name));
      }
      return name;
    },
  };
  const lossOutputs = new Map<string, string>();
  const terms = losses.map((loss) => {
    const name = `loss:${loss.name}`;
    const value = writeLoss(graph, loss);
    w.emit('Identity', [value], [w.type(value)], { as: name });
    lossOutputs.set(loss.name, name);
    return w.mul(name, lossWeight(graph, loss.weight));
  });
  const total = terms.reduce((a, b) => w.add(a, b));
  const [loss] = w.emit('Identity', [total], [w.type(total)], { as: 'loss' }) as [string];
  const gradient = reverse(w, loss, [parametersInput], given.numbers).get(parametersInput);
  if (!gradient) throw new StudioError('passes/nothing-to-train', 'The losses depend on none of the chosen weights.');
  return { w, given, layout, inputs, loss, lossOutputs, gradient };
}

function finished(draft: Draft, inputs: readonly ValueInfo[], results: readonly string[]): TrainingStep {
  const { w, given, loss, lossOutputs, layout } = draft;
  const whole = written(given);
  const outputs = [loss, ...lossOutputs.values(), ...results].map((name) => info(w, name));
  const live = { ...whole, graph: removeDeadCode({ ...whole.graph, inputs, outputs }) };
  return {
    model: withFewViews(w, live),
    layout,
    lossInputs: [...draft.inputs.values()].map(({ name, type }) => ({
      name,
      shape: present(type).shape as readonly number[],
    })),
    lossOutputs,
  };
}
