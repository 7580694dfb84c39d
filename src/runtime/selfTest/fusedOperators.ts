/**
 * Which of onnxruntime's fused operators a backend computes wrongly: each is run on a small input and compared with a
 * few lines of arithmetic here. A kernel can be wrong on one adapter alone (attention of 64 queries and more on software
 * adapters with subgroups, by up to 0.4), and a graph without the operator does the same.
 */
import { StudioError } from '../../errors/StudioError';
import type { Graph, Model, Node, Tensor } from '../../onnx/model';
import { writeModel } from '../../onnx/writeModel';
import { outputDifference } from '../outputDifference';
import type { Runtime } from '../Runtime';
import { floatValues, tensorOf } from '../tensors';
import { spread } from './builtInGraphs';

const [clips, tokens, heads, size] = [2, 80, 2, 16];
const width = heads * size;
const dims = [clips, tokens, width] as const;
const scale = 0.3;

/** A fraction of what is computed wrongly where it is. */
const tolerance = 1e-3;

interface Trial {
  readonly operator: string;
  readonly attributes: Node['attributes'];
  /** How often the operator reads x. */
  readonly reads: number;
  /** Inputs [width] that it has after those. */
  readonly vectors?: number;
  expected(x: Float32Array): Float32Array;
}

const each = (f: (x: number) => number) => (values: Float32Array) => values.map(f);

const trials: readonly Trial[] = [
  {
    operator: 'MultiHeadAttention',
    attributes: new Map([
      ['num_heads', { kind: 'int', value: BigInt(heads) }],
      ['scale', { kind: 'float', value: scale }],
    ]),
    reads: 3,
    expected: attention,
  },
  { operator: 'Gelu', attributes: new Map(), reads: 1, expected: each((x) => 0.5 * x * (1 + erf(x / Math.SQRT2))) },
  {
    operator: 'FastGelu',
    attributes: new Map(),
    reads: 1,
    expected: each((x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))),
  },
  {
    operator: 'QuickGelu',
    attributes: new Map([['alpha', { kind: 'float', value: 1.5 }]]),
    reads: 1,
    expected: each((x) => x / (1 + Math.exp(-1.5 * x))),
  },
  {
    operator: 'SkipLayerNormalization',
    attributes: new Map([['epsilon', { kind: 'float', value: 1e-5 }]]),
    reads: 2,
    vectors: 3,
    expected: normalised,
  },
];

/** Scale, shift and bias of a norm. */
const vector = (index: number): Float32Array => spread(width, index + 2);

/** Names of operators of com.microsoft. Throws `gpu/lost` alone: what cannot be made or run counts as wrong. */
export async function distrustedOperators(runtime: Runtime): Promise<ReadonlySet<string>> {
  const x = spread(clips * tokens * width, 1).map((value) => 1.5 * value);
  const wrong = new Set<string>();
  for (const trial of trials) if (!(await isRight(runtime, trial, x))) wrong.add(trial.operator);
  return wrong;
}

async function isRight(runtime: Runtime, trial: Trial, x: Float32Array): Promise<boolean> {
  try {
    const what = `the self-test of ${trial.operator}`;
    const session = await runtime.createSession({
      what,
      modelBytes: writeModel(modelOf(trial)),
      externalData: new Map(),
    });
    try {
      const { y } = await session.run({ x: tensorOf('float32', dims, x) }, ['y']);
      return y !== undefined && outputDifference(floatValues(y), trial.expected(x)).max <= tolerance;
    } finally {
      await session.release();
    }
  } catch (thrown) {
    if (StudioError.from(thrown).code === 'gpu/lost') throw thrown;
    return false;
  }
}

function modelOf({ operator, attributes, reads, vectors = 0 }: Trial): Model {
  const type = { dataType: 'float32', shape: [...dims] } as const;
  const constants = Array.from({ length: vectors }, (_, index): Tensor => {
    const bytes = new Uint8Array(vector(index).slice().buffer);
    return { name: `vector:${index}`, dataType: 'float32', dims: [width], data: { kind: 'inline', bytes } };
  });
  const inputs = [...new Array<string>(reads).fill('x'), ...constants.map(({ name }) => name)];
  const graph: Graph = {
    name: operator,
    nodes: [{ name: operator, domain: 'com.microsoft', opType: operator, inputs, outputs: ['y'], attributes }],
    initializers: new Map(constants.map((tensor) => [tensor.name, tensor])),
    inputs: [{ name: 'x', type }],
    outputs: [{ name: 'y', type }],
    valueInfo: new Map(),
  };
  return {
    irVersion: 8,
    opsets: new Map([
      ['', 17],
      ['com.microsoft', 1],
    ]),
    producerName: 'vdmini-studio',
    producerVersion: '',
    domain: '',
    modelVersion: 0n,
    docString: '',
    graph,
    functions: [],
    metadata: new Map(),
  };
}

/** Queries, keys and values are all x. */
function attention(x: Float32Array): Float32Array {
  const result = new Float32Array(x.length);
  for (let clip = 0; clip < clips; clip++) {
    for (let head = 0; head < heads; head++) {
      const at = (token: number, i: number) => (clip * tokens + token) * width + head * size + i;
      for (let query = 0; query < tokens; query++) {
        const scores = Array.from({ length: tokens }, (_, key) => {
          let sum = 0;
          for (let i = 0; i < size; i++) sum += (x[at(query, i)] ?? NaN) * (x[at(key, i)] ?? NaN);
          return scale * sum;
        });
        const largest = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - largest));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (let i = 0; i < size; i++)
          result[at(query, i)] = weights.reduce((sum, weight, key) => sum + weight * (x[at(key, i)] ?? NaN), 0) / total;
      }
    }
  }
  return result;
}

/** Of 2 x + bias, token by token. */
function normalised(x: Float32Array): Float32Array {
  const [scale, shift, bias] = [vector(0), vector(1), vector(2)];
  const result = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    const row = Array.from(x.subarray(start, start + width), (value, i) => 2 * value + (bias[i] ?? NaN));
    const mean = row.reduce((sum, value) => sum + value, 0) / width;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    row.forEach((value, i) => {
      result[start + i] = ((value - mean) / Math.sqrt(variance + 1e-5)) * (scale[i] ?? NaN) + (shift[i] ?? NaN);
    });
  }
  return result;
}

/** Abramowitz and Stegun 7.1.26: within 1.5e-7. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}
