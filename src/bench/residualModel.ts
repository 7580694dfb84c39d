/**
 * A model of any size for the benchmarks: residual blocks x + W2 relu(W1 x) over tokens, with module paths in its
 * node names as torch's exporter writes them. Weights are external, in one file; the graph alone is small.
 */
import type { Graph, Model, Node, Tensor, ValueInfo } from '../onnx/model';

export interface ResidualSize {
  readonly blocks: number;
  readonly width: number;
  readonly tokens: number;
}

/** float32 weights of one block: [width, 4 width] and [4 width, width]. */
export const blockBytes = ({ width }: ResidualSize) => 8 * width * width * 4;

/** Input `hidden_states` and output `out`, [1, tokens, width]; block i is `blocks.i`, its weights at i * blockBytes. */
export function residualModel(size: ResidualSize, location: string): Model {
  const initializers = new Map<string, Tensor>();
  const nodes: Node[] = [];
  let value = 'hidden_states';
  for (let i = 0; i < size.blocks; i++) {
    const scope = `/blocks.${i}`;
    addWeights(initializers, i, size, location);
    nodes.push(
      node('MatMul', `${scope}/fc1/MatMul`, [value, `blocks.${i}.fc1.weight`]),
      node('Relu', `${scope}/act/Relu`, [`${scope}/fc1/MatMul_output_0`]),
      node('MatMul', `${scope}/fc2/MatMul`, [`${scope}/act/Relu_output_0`, `blocks.${i}.fc2.weight`]),
      node('Add', `${scope}/Add`, [value, `${scope}/fc2/MatMul_output_0`]),
    );
    value = `${scope}/Add_output_0`;
  }
  nodes.push({ ...node('Identity', '/Identity', [value]), outputs: ['out'] });
  return modelOf({
    name: 'residual',
    nodes,
    initializers,
    valueInfo: new Map(),
    inputs: [tokens('hidden_states', size)],
    outputs: [tokens('out', size)],
  });
}

function addWeights(initializers: Map<string, Tensor>, i: number, size: ResidualSize, location: string): void {
  const lengthBytes = blockBytes(size) / 2;
  const { width } = size;
  for (const [part, dims] of [
    ['fc1', [width, 4 * width]],
    ['fc2', [4 * width, width]],
  ] as const) {
    const offsetBytes = i * blockBytes(size) + (part === 'fc1' ? 0 : lengthBytes);
    const name = `blocks.${i}.${part}.weight`;
    initializers.set(name, {
      name,
      dataType: 'float32',
      dims,
      data: { kind: 'external', location, offsetBytes, lengthBytes },
    });
  }
}

const node = (opType: string, name: string, inputs: readonly string[]): Node => ({
  name,
  opType,
  domain: '',
  inputs,
  outputs: [`${name}_output_0`],
  attributes: new Map(),
});

const tokens = (name: string, size: ResidualSize): ValueInfo => ({
  name,
  type: { dataType: 'float32', shape: [1, size.tokens, size.width] },
});

const modelOf = (graph: Graph): Model => ({
  irVersion: 8,
  opsets: new Map([['', 17]]),
  producerName: 'vdmini-bench',
  producerVersion: '',
  domain: '',
  modelVersion: 0n,
  docString: '',
  graph,
  functions: [],
  metadata: new Map(),
});

/** The weights of one block: small, not compressible, the same for every block. */
export function blockWeights(size: ResidualSize): Uint8Array {
  const weights = new Float32Array(blockBytes(size) / 4);
  let state = 1;
  for (let i = 0; i < weights.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    weights[i] = (state / 2 ** 31) * (0.5 / size.width);
  }
  return new Uint8Array(weights.buffer);
}
