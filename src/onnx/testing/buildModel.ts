/**
 * A small language for test graphs: `buildModel((b) => { ... })`. Names nodes and values by itself unless told.
 * It checks nothing, so that wrong graphs can be built too.
 */
import { dataTypeNumber, elementBits, elementCount } from '../dataTypes';
import type { Attribute, DataType, Dim, Graph, Model, Node, Tensor, ValueInfo } from '../model';

/** A plain value becomes the attribute kind it looks like; for the float 1.0 use `float(1)`. */
export type AttributeInput =
  | number
  | bigint
  | string
  | readonly number[]
  | readonly bigint[]
  | Tensor
  | Graph
  | Attribute;

export interface NodeOptions {
  readonly name?: string;
  readonly domain?: string;
  readonly metadata?: ReadonlyMap<string, string>;
  /** Names of the outputs; a number makes that many. */
  readonly outputs?: readonly string[] | number;
}

export interface ModelOptions {
  readonly opset?: number;
  readonly opsets?: ReadonlyMap<string, number>;
}

export interface GraphBuilder {
  input(name: string, shape: readonly Dim[] | null, dataType?: DataType): string;
  /** Declares outputs; the type is optional, as most exporters give one but ONNX does not ask for a shape. */
  output(name: string, shape?: readonly Dim[] | null, dataType?: DataType): void;
  /** A float32 initializer with small numbers that depend on the name, or with the given ones. */
  weight(name: string, dims: readonly number[], values?: ArrayLike<number>): string;
  /** An int64 initializer: a vector, or a scalar for a number. */
  ints(name: string, values: number | readonly number[]): string;
  tensor(tensor: Tensor): string;
  /** Adds a node and returns its first output.  */
  op(
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeInput>>,
    options?: NodeOptions,
  ): string;
  /** As `op`, returning all outputs. */
  ops(
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeInput>>,
    options?: NodeOptions,
  ): readonly string[];
  valueInfo(name: string, shape: readonly Dim[] | null, dataType?: DataType): void;
}

export function buildModel(build: (b: GraphBuilder) => void, options: ModelOptions = {}): Model {
  return {
    irVersion: 8,
    opsets: options.opsets ?? new Map([['', options.opset ?? 17]]),
    producerName: 'buildModel',
    producerVersion: '',
    domain: '',
    modelVersion: 0n,
    docString: '',
    graph: buildGraph(build),
    functions: [],
    metadata: new Map(),
  };
}

/** A graph alone, for subgraph attributes. `prefix` keeps generated names apart from those of the outer graph. */
export function buildGraph(build: (b: GraphBuilder) => void, prefix = ''): Graph {
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const nodes: Node[] = [];
  const initializers = new Map<string, Tensor>();
  const valueInfo = new Map<string, ValueInfo>();
  const value = (name: string, shape: readonly Dim[] | null | undefined, dataType: DataType): ValueInfo =>
    shape === undefined ? { name } : { name, type: { dataType, shape } };
  const builder: GraphBuilder = {
    input: (name, shape, dataType = 'float32') => (inputs.push(value(name, shape, dataType)), name),
    output: (name, shape, dataType = 'float32') => void outputs.push(value(name, shape, dataType)),
    weight: (name, dims, values) =>
      builder.tensor(floatTensor(name, dims, values ?? pseudoWeights(name, elementCount(dims)))),
    ints: (name, values) => builder.tensor(intTensor(name, values)),
    tensor: (tensor) => (initializers.set(tensor.name, tensor), tensor.name),
    op: (...call) => builder.ops(...call)[0]!,
    ops: (opType, nodeInputs, attributes = {}, options = {}) => {
      const name = options.name ?? `${prefix}${opType}_${nodes.length}`;
      const count = options.outputs ?? 1;
      const outputNames =
        typeof count === 'number' ? Array.from({ length: count }, (_, i) => `${name}_output_${i}`) : count;
      nodes.push({
        name,
        domain: options.domain ?? '',
        opType,
        inputs: nodeInputs,
        outputs: outputNames,
        attributes: new Map(Object.entries(attributes).map(([key, given]) => [key, attributeOf(given)])),
        ...(options.metadata ? { metadata: options.metadata } : {}),
      });
      return outputNames;
    },
    valueInfo: (name, shape, dataType = 'float32') => void valueInfo.set(name, value(name, shape, dataType)),
  };
  build(builder);
  return { name: prefix || 'main', nodes, initializers, inputs, outputs, valueInfo };
}

export function floatTensor(name: string, dims: readonly number[], values: ArrayLike<number>): Tensor {
  return {
    name,
    dataType: 'float32',
    dims,
    data: { kind: 'inline', bytes: new Uint8Array(Float32Array.from(values).buffer) },
  };
}

/** int64; a number gives a scalar. */
export function intTensor(name: string, values: number | readonly number[]): Tensor {
  const list = typeof values === 'number' ? [values] : values;
  return {
    name,
    dataType: 'int64',
    dims: typeof values === 'number' ? [] : [list.length],
    data: { kind: 'inline', bytes: new Uint8Array(BigInt64Array.from(list, BigInt).buffer) },
  };
}

/** All bytes zero. */
export function zeroTensor(name: string, dataType: DataType, dims: readonly number[]): Tensor {
  const bytes = new Uint8Array(Math.ceil((elementCount(dims) * elementBits(dataType)) / 8));
  return { name, dataType, dims, data: { kind: 'inline', bytes } };
}

export const float = (value: number): Attribute => ({ kind: 'float', value });

/** The `to` of a Cast. */
export const typeAttribute = (dataType: DataType): Attribute => ({
  kind: 'int',
  value: BigInt(dataTypeNumber(dataType)),
});

function attributeOf(given: AttributeInput): Attribute {
  if (typeof given === 'bigint') return { kind: 'int', value: given };
  if (typeof given === 'number')
    return Number.isInteger(given) ? { kind: 'int', value: BigInt(given) } : { kind: 'float', value: given };
  if (typeof given === 'string') return { kind: 'string', value: new TextEncoder().encode(given) };
  if (isList(given)) {
    const integral = given.every((item) => typeof item === 'bigint' || Number.isInteger(item));
    return integral ? { kind: 'ints', value: given.map(BigInt) } : { kind: 'floats', value: given.map(Number) };
  }
  if ('kind' in given) return given;
  return 'dims' in given ? { kind: 'tensor', value: given } : { kind: 'graph', value: given };
}

const isList = (given: AttributeInput): given is readonly number[] | readonly bigint[] => Array.isArray(given);

/** Numbers in [-0.5, 0.5) that depend on the name alone, so that two builds of a model are equal. */
function pseudoWeights(name: string, length: number): Float32Array {
  let state = [...name].reduce((hash, letter) => (Math.imul(hash, 31) + letter.codePointAt(0)!) | 0, 17);
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 32;
  });
}
