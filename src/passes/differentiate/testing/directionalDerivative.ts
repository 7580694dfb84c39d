/**
 * A gradient graph against central differences of the graph it came from: <c, (f(x + h v) - f(x - h v)) / 2h> = <J'c, v>
 * for random c and v, input by input. The function is run as it is, not as it was lowered. For tests.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { elementCount } from '../../../onnx/dataTypes';
import { removeDeadCode } from '../../../onnx/graph';
import type { DataType, Model } from '../../../onnx/model';
import type { GraphBuilder, ModelOptions } from '../../../onnx/testing/buildModel';
import { buildModel } from '../../../onnx/testing/buildModel';
import { writeModel } from '../../../onnx/writeModel';
import { forward, written } from '../forward';
import { reverse } from '../reverse';

export interface Case {
  /** Input name -> shape; all of them are differentiated by. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Returns the output's name. `float`: the type of inputs and constants. */
  readonly build: (b: GraphBuilder, float: DataType) => string;
  readonly options?: ModelOptions;
  /** Where values are drawn from; -1 to 1 unless told. */
  readonly range?: readonly [number, number];
  /** onnxruntime has no kernel for doubles: differences in float32, coarser. */
  readonly single?: boolean;
}

export interface Check {
  readonly input: string;
  readonly numeric: number;
  readonly analytic: number;
}

type Values = Readonly<Record<string, Float64Array>>;

/** A seeded generator of numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function modelOf({ inputs, build, options }: Case, float: DataType): Model {
  return buildModel(
    (b) => {
      for (const [name, shape] of Object.entries(inputs)) b.input(name, shape, float);
      b.output(build(b, float), undefined);
    },
    { opset: 20, ...options },
  );
}

/** The model, and inputs `cotangent` and outputs `gradient:NAME`. */
function gradientModel(model: Model, inputs: readonly string[]): Model {
  const given = forward(model, { wanted: inputs });
  const { w } = given;
  const [output] = given.model.graph.outputs;
  const type = w.type(output!.name);
  w.types.set('cotangent', type);
  const gradients = reverse(w, w.sumAll(w.mul(output!.name, 'cotangent')), inputs, given.numbers);
  const whole = written(given);
  const outputs = inputs.map((name) => {
    w.emit('Identity', [gradients.get(name) ?? w.filled(w.shape(name))], [w.type(name)], { as: `gradient:${name}` });
    return { name: `gradient:${name}`, type: w.type(name) };
  });
  const initializers = new Map([...whole.graph.initializers, ...w.initializers]);
  const graph = {
    ...whole.graph,
    nodes: w.nodes,
    initializers,
    inputs: [...whole.graph.inputs, { name: 'cotangent', type }],
  };
  return { ...whole, graph: removeDeadCode({ ...graph, outputs: [...outputs, output!] }) };
}

export async function directionalDerivatives(tested: Case, seed: number): Promise<readonly Check[]> {
  const float = tested.single ? 'float32' : 'float64';
  const step = tested.single ? 1e-2 : 1e-5;
  const next = random(seed);
  const [low, high] = tested.range ?? [-1, 1];
  const draw = (shape: readonly number[], from = low, to = high) =>
    Float64Array.from({ length: elementCount(shape) }, () => from + (to - from) * next());
  const model = modelOf(tested, float);
  const names = Object.keys(tested.inputs);
  const [plain, gradient] = await Promise.all([session(model), session(gradientModel(model, names))]);
  const run = (on: InferenceSession, values: Values, shapes: Readonly<Record<string, readonly number[]>>) =>
    on.run(
      Object.fromEntries(Object.entries(values).map(([name, data]) => [name, tensor(data, shapes[name]!, float)])),
    );
  const x = Object.fromEntries(names.map((name) => [name, draw(tested.inputs[name]!)]));
  const [outputName] = plain.outputNames as [string];
  const y = (await run(plain, x, tested.inputs))[outputName]!;
  const cotangent = draw(y.dims, -1, 1);
  const results = await run(gradient, { ...x, cotangent }, { ...tested.inputs, cotangent: y.dims });
  expectSame(numbers(results[outputName]!), numbers(y), tested.single ? 1e-5 : 1e-10);
  const checks: Check[] = [];
  for (const name of names) {
    const v = draw(tested.inputs[name]!, -1, 1);
    const at = async (h: number) => {
      const moved = { ...x, [name]: x[name]!.map((value, i) => value + h * v[i]!) };
      return dot(numbers((await run(plain, moved, tested.inputs))[outputName]!), cotangent);
    };
    const numeric = ((await at(step)) - (await at(-step))) / (2 * step);
    checks.push({ input: name, numeric, analytic: dot(numbers(results[`gradient:${name}`]!), v) });
  }
  await Promise.all([plain.release(), gradient.release()]);
  return checks;
}

const session = (model: Model) =>
  InferenceSession.create(writeModel(model), {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
    graphOptimizationLevel: 'disabled',
  });

const tensor = (data: Float64Array, dims: readonly number[], type: 'float32' | 'float64') =>
  type === 'float64' ? new Tensor('float64', data, dims) : new Tensor('float32', Float32Array.from(data), dims);

const numbers = (value: Tensor): Float64Array => Float64Array.from(value.data as Float32Array);

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

function expectSame(actual: Float64Array, expected: Float64Array, tolerance: number): void {
  if (actual.length !== expected.length) throw new Error(`lowering changed the output's size to ${actual.length}`);
  actual.forEach((value, i) => {
    if (!(Math.abs(value - expected[i]!) <= tolerance * (1 + Math.abs(expected[i]!))))
      throw new Error(`lowering changed element ${i}: ${value}, not ${expected[i]}`);
  });
}
