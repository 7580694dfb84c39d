/**
 * A float32 model as quantisers leave it, for tests of exports: `qdq` rounds the weights and activations of its matrix
 * products to 8 bits (QuantizeLinear and DequantizeLinear), `stored` keeps every large weight as float16 behind a Cast.
 * Scales are rough: what matters is the kind of graph, not its quality.
 */
import { Float16Array } from '@petamoriken/float16';
import type { Model, Node, Tensor } from '../../onnx/model';
import { tensorValues } from '../../onnx/tensorValues';
import { floatTensor } from '../../onnx/testing/buildModel';

export type Twin = 'qdq' | 'stored';

/** Activations of the tiny exports stay well within 8. */
const ACTIVATION_SCALE = 8 / 127;

interface Rewritten {
  readonly nodes: Node[];
  readonly initializers: Map<string, Tensor>;
}

export function quantisedTwin(model: Model, kind: Twin): Model {
  const made: Rewritten = { nodes: [], initializers: new Map(model.graph.initializers) };
  if (kind === 'stored') storeHalf(model, made);
  else quantise(model, made);
  const opsets = new Map(model.opsets).set('', Math.max(13, model.opsets.get('') ?? 0));
  return { ...model, opsets, graph: { ...model.graph, nodes: made.nodes, initializers: made.initializers } };
}

const node = (name: string, opType: string, inputs: readonly string[], attributes: Node['attributes'] = new Map()) => ({
  name,
  domain: '',
  opType,
  inputs,
  outputs: [`${name}_output_0`],
  attributes,
});

function floats(tensor: Tensor | undefined, smallest: number): Float32Array | undefined {
  if (tensor?.dataType !== 'float32') return undefined;
  const values = tensorValues(tensor) as Float32Array | undefined;
  return values && values.length >= smallest ? values : undefined;
}

function storeHalf({ graph }: Model, { nodes, initializers }: Rewritten): void {
  const renamed = new Map<string, string>();
  for (const tensor of graph.initializers.values()) {
    const values = floats(tensor, 32);
    if (!values) continue;
    const bytes = new Uint8Array(new Float16Array(values).buffer);
    initializers.set(tensor.name, { ...tensor, dataType: 'float16', data: { kind: 'inline', bytes } });
    const cast = node(`${tensor.name}/Cast`, 'Cast', [tensor.name], new Map([['to', { kind: 'int', value: 1n }]]));
    nodes.push(cast);
    renamed.set(tensor.name, cast.outputs[0]!);
  }
  for (const old of graph.nodes) nodes.push({ ...old, inputs: old.inputs.map((name) => renamed.get(name) ?? name) });
}

function quantise({ graph }: Model, { nodes, initializers }: Rewritten): void {
  const zero = (name: string): Tensor => ({
    name,
    dataType: 'int8',
    dims: [],
    data: { kind: 'inline', bytes: new Uint8Array(1) },
  });
  initializers.set('twin.scale', floatTensor('twin.scale', [], [ACTIVATION_SCALE]));
  initializers.set('twin.zero', zero('twin.zero'));
  for (const old of graph.nodes) {
    const [x, w] = old.inputs;
    const weight = graph.initializers.get(w ?? '');
    const values = floats(weight, 32);
    if (!['MatMul', 'Gemm'].includes(old.opType) || x === undefined || !weight || !values) {
      nodes.push(old);
      continue;
    }
    const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6) / 127;
    const bytes = new Uint8Array(Int8Array.from(values, (value) => Math.round(value / scale)).buffer);
    const [scaleName, int8Name] = [`${w}.scale`, `${w}.int8`];
    initializers.set(scaleName, floatTensor(scaleName, [], [scale]));
    initializers.set(int8Name, { ...weight, name: int8Name, dataType: 'int8', data: { kind: 'inline', bytes } });
    const before = old.name.slice(0, old.name.lastIndexOf('/') + 1);
    const q = node(`${before}QuantizeLinear_${nodes.length}`, 'QuantizeLinear', [x, 'twin.scale', 'twin.zero']);
    const d = node(`${before}DequantizeLinear_${nodes.length}`, 'DequantizeLinear', [
      q.outputs[0]!,
      'twin.scale',
      'twin.zero',
    ]);
    const dw = node(`${before}DequantizeLinear_w${nodes.length}`, 'DequantizeLinear', [int8Name, scaleName]);
    nodes.push(q, d, dw, { ...old, inputs: [d.outputs[0]!, dw.outputs[0]!, ...old.inputs.slice(2)] });
  }
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  for (const name of [...initializers.keys()]) if (!read.has(name)) initializers.delete(name);
}
