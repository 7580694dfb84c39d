/** Small graphs of our own: one that frees memory, and one that tries the operators that denoisers are made of. */
import type { Attribute, Graph, Model, Node, Tensor } from '../../onnx/model';
import { writeModel } from '../../onnx/writeModel';

type Attributes = Readonly<Record<string, Attribute>>;

const ints = (...values: readonly number[]): Attribute => ({ kind: 'ints', value: values.map(BigInt) });
const int = (value: number): Attribute => ({ kind: 'int', value: BigInt(value) });

function node(opType: string, inputs: readonly string[], output: string, attributes: Attributes = {}): Node {
  return {
    name: output,
    domain: '',
    opType,
    inputs,
    outputs: [output],
    attributes: new Map(Object.entries(attributes)),
  };
}

function weight(name: string, dims: readonly number[], stream: number, scale: number): Tensor {
  const values = spread(
    dims.reduce((a, b) => a * b, 1),
    stream,
  ).map((value) => value * scale);
  return { name, dataType: 'float32', dims, data: { kind: 'inline', bytes: new Uint8Array(values.buffer) } };
}

function shapeTensor(name: string, dims: readonly number[]): Tensor {
  return {
    name,
    dataType: 'int64',
    dims: [dims.length],
    data: { kind: 'inline', bytes: new Uint8Array(BigInt64Array.from(dims, BigInt).buffer) },
  };
}

function emptyGraph(name: string): Graph {
  return { name, nodes: [], initializers: new Map(), inputs: [], outputs: [], valueInfo: new Map() };
}

function modelOf(graph: Graph): Model {
  return {
    irVersion: 8,
    opsets: new Map([['', 17]]),
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

const named = (tensors: readonly Tensor[]): ReadonlyMap<string, Tensor> =>
  new Map(tensors.map((tensor) => [tensor.name, tensor]));

/** x [1, 1, 4, 4] -> y; never run. */
export function tinyConvolution(): Uint8Array {
  return writeModel(
    modelOf({
      ...emptyGraph('tiny'),
      nodes: [node('Conv', ['x', 'w'], 'y')],
      initializers: named([weight('w', [1, 1, 1, 1], 0, 1)]),
      inputs: [{ name: 'x', type: { dataType: 'float32', shape: [1, 1, 4, 4] } }],
      outputs: [{ name: 'y', type: { dataType: 'float32', shape: [1, 1, 4, 4] } }],
    }),
  );
}

export const opSuiteDims = [1, 16, 4, 8, 8] as const;

/**
 * x [1, 16, 4, 8, 8] -> y of the same shape: spatial and temporal convolution, group normalisation as exporters write
 * it, SiLU, self-attention over 64 positions, GELU feed-forward, and a gate `keep` around the last part.
 */
export function opSuite(): Uint8Array {
  const nodes = [
    node('Transpose', ['x'], 'frames_first', { perm: ints(0, 2, 1, 3, 4) }),
    node('Reshape', ['frames_first', 'as_frames'], 'frames'),
    node('Reshape', ['frames', 'as_groups'], 'groups'),
    node('InstanceNormalization', ['groups', 'ones', 'zeros'], 'normed_groups', {
      epsilon: { kind: 'float', value: 1e-5 },
    }),
    node('Reshape', ['normed_groups', 'as_frames'], 'normed'),
    node('Sigmoid', ['normed'], 'gate'),
    node('Mul', ['normed', 'gate'], 'silu'),
    node('Conv', ['silu', 'spatial.weight', 'bias'], 'spatial', { kernel_shape: ints(3, 3), pads: ints(1, 1, 1, 1) }),
    node('Add', ['frames', 'spatial'], 'resnet'),
    node('Reshape', ['resnet', 'as_clip'], 'clip_frames_first'),
    node('Transpose', ['clip_frames_first'], 'clip', { perm: ints(0, 2, 1, 3, 4) }),
    node('Conv', ['clip', 'temporal.weight', 'bias'], 'temporal', {
      kernel_shape: ints(3, 1, 1),
      pads: ints(1, 0, 0, 1, 0, 0),
    }),
    node('Add', ['clip', 'temporal'], 'mixed'),
    node('If', ['keep'], 'y', {
      then_branch: {
        kind: 'graph',
        value: { ...emptyGraph('on'), nodes: attention(), outputs: [{ name: 'attended' }] },
      },
      else_branch: {
        kind: 'graph',
        value: { ...emptyGraph('off'), nodes: [node('Identity', ['mixed'], 'passed')], outputs: [{ name: 'passed' }] },
      },
    }),
  ];
  const initializers = named([
    shapeTensor('as_frames', [4, 16, 8, 8]),
    shapeTensor('as_groups', [4, 4, -1]),
    shapeTensor('as_clip', [1, 4, 16, 8, 8]),
    shapeTensor('as_tokens', [4, 64, 16]),
    shapeTensor('as_tokens_clip', [1, 4, 8, 8, 16]),
    constant('ones', [4], 1),
    constant('zeros', [4], 0),
    constant('scale', [], 0.25),
    constant('root2', [], Math.SQRT2),
    constant('one', [], 1),
    constant('half', [], 0.5),
    constant('norm.weight', [16], 1),
    constant('norm.bias', [16], 0),
    weight('bias', [16], 1, 0.1),
    weight('spatial.weight', [16, 16, 3, 3], 2, 0.08),
    weight('temporal.weight', [16, 16, 3, 1, 1], 3, 0.1),
    weight('query', [16, 16], 4, 0.3),
    weight('key', [16, 16], 5, 0.3),
    weight('value', [16, 16], 6, 0.2),
    weight('up', [16, 64], 7, 0.2),
    weight('down', [64, 16], 8, 0.1),
  ]);
  return writeModel(
    modelOf({
      ...emptyGraph('op-suite'),
      nodes,
      initializers,
      inputs: [
        { name: 'x', type: { dataType: 'float32', shape: [...opSuiteDims] } },
        { name: 'keep', type: { dataType: 'bool', shape: [] } },
      ],
      outputs: [{ name: 'y', type: { dataType: 'float32', shape: [...opSuiteDims] } }],
    }),
  );
}

/** 'mixed' -> 'attended', both [1, 16, 4, 8, 8]; frames are the batch, pixels the tokens. */
function attention(): readonly Node[] {
  return [
    node('Transpose', ['mixed'], 'channels_last', { perm: ints(0, 2, 3, 4, 1) }),
    node('Reshape', ['channels_last', 'as_tokens'], 'tokens'),
    node('LayerNormalization', ['tokens', 'norm.weight', 'norm.bias'], 'normed_tokens', { axis: int(-1) }),
    node('MatMul', ['normed_tokens', 'query'], 'queries'),
    node('MatMul', ['normed_tokens', 'key'], 'keys'),
    node('MatMul', ['normed_tokens', 'value'], 'values'),
    node('Transpose', ['keys'], 'keys_t', { perm: ints(0, 2, 1) }),
    node('MatMul', ['queries', 'keys_t'], 'raw_scores'),
    node('Mul', ['raw_scores', 'scale'], 'scores'),
    node('Softmax', ['scores'], 'weights', { axis: int(-1) }),
    node('MatMul', ['weights', 'values'], 'context'),
    node('Add', ['tokens', 'context'], 'seen'),
    node('MatMul', ['seen', 'up'], 'wide'),
    node('Div', ['wide', 'root2'], 'wide_scaled'),
    node('Erf', ['wide_scaled'], 'erf'),
    node('Add', ['erf', 'one'], 'erf_one'),
    node('Mul', ['wide', 'erf_one'], 'gelu_twice'),
    node('Mul', ['gelu_twice', 'half'], 'gelu'),
    node('MatMul', ['gelu', 'down'], 'narrow'),
    node('Add', ['seen', 'narrow'], 'fed'),
    node('Reshape', ['fed', 'as_tokens_clip'], 'clip_channels_last'),
    node('Transpose', ['clip_channels_last'], 'attended', { perm: ints(0, 4, 1, 2, 3) }),
  ];
}

function constant(name: string, dims: readonly number[], value: number): Tensor {
  const count = dims.reduce((a, b) => a * b, 1);
  return {
    name,
    dataType: 'float32',
    dims,
    data: { kind: 'inline', bytes: new Uint8Array(new Float32Array(count).fill(value).buffer) },
  };
}

/** Numbers in [-1.7, 1.7], of variance 1, that repeat themselves nowhere: multiples of the golden ratio, modulo 1. */
export function spread(count: number, stream: number): Float32Array {
  return Float32Array.from(
    { length: count },
    (_, i) => 2 * Math.sqrt(3) * ((((i + 1) * 0.6180339887498949 + stream * 0.41421356) % 1) - 0.5),
  );
}
