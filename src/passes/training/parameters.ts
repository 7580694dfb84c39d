/**
 * Chosen weights as one flat float32 tensor: a graph that reads them from an input, the table of what lies where, and the
 * way from a model's weights to that tensor and back. Weights stored in half precision are trained in float32 and rounded
 * once, when they are written back.
 */
import { StudioError } from '../../errors/StudioError';
import type { ByteSource } from '../../onnx/ByteSource';
import { elementCount } from '../../onnx/dataTypes';
import type { DataType, Model, Node, Tensor } from '../../onnx/model';
import { tensorBytes, tensorValues } from '../../onnx/tensorValues';
import { floatBytes, toFloat32 } from '../differentiate/toFloat32';
import { namedNode } from './namedNode';

export interface Parameter {
  /** Of the initializer. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Elements before it in the flat tensor. */
  readonly offset: number;
  readonly length: number;
  /** As the model stores it. */
  readonly dataType: DataType;
}

export interface ParameterLayout {
  readonly parameters: readonly Parameter[];
  /** Elements of the flat tensor. */
  readonly length: number;
}

/** In the order given. */
export function parameterLayout(weights: readonly Tensor[]): ParameterLayout {
  let offset = 0;
  const parameters = weights.map(({ name, dims, dataType }): Parameter => {
    const length = elementCount(dims);
    const parameter = { name, shape: dims, offset, length, dataType };
    offset += length;
    return parameter;
  });
  return { parameters, length: offset };
}

/** The input's name unless told otherwise. */
export const parametersInput = 'parameters';

/** The model with an input `parameters` [layout.length] that its weights are sliced from; it computes in float32. */
export function parameterise(model: Model, layout: ParameterLayout, input = parametersInput): Model {
  const names = new Set(layout.parameters.map(({ name }) => name));
  const { graph, ...rest } = toFloat32(model, names);
  const initializers = new Map([...graph.initializers].filter(([name]) => !names.has(name)));
  const ints = (name: string, values: readonly number[]): string => {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    initializers.set(name, { name, dataType: 'int64', dims: [values.length], data: { kind: 'inline', bytes } });
    return name;
  };
  const zero = ints(`${input}:axis`, [0]);
  const nodes = layout.parameters.flatMap(({ name, shape, offset, length }): Node[] => {
    const [start, end] = [ints(`${name}:start`, [offset]), ints(`${name}:end`, [offset + length])];
    if (shape.length === 1) return [namedNode('Slice', [input, start, end, zero], name)];
    const flat = `${name}:flat`;
    const dims = ints(`${name}:shape`, shape);
    return [namedNode('Slice', [input, start, end, zero], flat), namedNode('Reshape', [flat, dims], name)];
  });
  return {
    ...rest,
    graph: {
      ...graph,
      initializers,
      inputs: [
        ...graph.inputs.filter(({ name }) => !names.has(name)),
        { name: input, type: { dataType: 'float32', shape: [layout.length] } },
      ],
      nodes: [...nodes, ...graph.nodes],
    },
  };
}

/** The flat tensor of a model's weights. `sources`: its external data. Throws as `tensorBytes`. */
export async function readParameters(
  model: Model,
  layout: ParameterLayout,
  sources: ReadonlyMap<string, ByteSource> = new Map(),
): Promise<Float32Array<ArrayBuffer>> {
  const flat = new Float32Array(layout.length);
  for (const { name, offset } of layout.parameters) {
    const tensor = model.graph.initializers.get(name);
    if (!tensor) throw new StudioError('passes/unknown-value', `The graph has no weight ${name}.`, { value: name });
    const values = tensorValues({ ...tensor, data: { kind: 'inline', bytes: await tensorBytes(tensor, sources) } });
    if (!values)
      throw new StudioError('onnx/unsupported', `The weight '${name}' is of the type ${tensor.dataType}.`, {
        tensor: name,
      });
    flat.set(values as Float32Array, offset);
  }
  return flat;
}

/** Weights of the flat tensor by name, in the types that they were stored in. */
export function parameterTensors({ parameters }: ParameterLayout, flat: Float32Array): ReadonlyMap<string, Tensor> {
  return new Map(
    parameters.map(({ name, shape, offset, length, dataType }) => {
      const bytes = floatBytes(flat.subarray(offset, offset + length), dataType);
      return [name, { name, dataType, dims: shape, data: { kind: 'inline', bytes } } satisfies Tensor];
    }),
  );
}

/** The model with weights of the flat tensor, in the types that they were stored in, inside the file. */
export function writeParameters(model: Model, layout: ParameterLayout, flat: Float32Array): Model {
  const initializers = new Map(model.graph.initializers);
  for (const [name, tensor] of parameterTensors(layout, flat))
    initializers.set(name, { ...initializers.get(name), ...tensor });
  return { ...model, graph: { ...model.graph, initializers } };
}
