/** Making plain tensors, reading them as numbers, and the way to and from onnxruntime's own Tensor class. */
import { getFloat16, setFloat16 } from '@petamoriken/float16';
import type { Tensor } from 'onnxruntime-common';
import { StudioError } from '../errors/StudioError';
import type { DataType } from '../onnx/model';
import type { DeviceTensor, Feeds, Outputs, PlainTensor, TensorDataType, Traffic } from './Runtime';

const RUNTIME_TYPES: readonly DataType[] = ['float32', 'float16', 'float64', 'int64', 'int32', 'uint8', 'int8', 'bool'];

/** Throws `onnx/unsupported` for an element type that the runtimes do not take (bfloat16, strings). */
export function runtimeType(dataType: DataType, name: string): TensorDataType {
  if (RUNTIME_TYPES.includes(dataType)) return dataType as TensorDataType;
  throw new StudioError(
    'onnx/unsupported',
    `The graph input or output '${name}' has the type ${dataType}, which the runtime does not take.`,
    { name, dataType },
  );
}

/** Numbers as a tensor of any type; integers are rounded to the nearest, bool is "not 0". */
export function tensorOf(dataType: TensorDataType, dims: readonly number[], values: Float32Array): PlainTensor {
  return { dataType, dims, data: convert(dataType, values) };
}

function convert(dataType: TensorDataType, values: Float32Array): PlainTensor['data'] {
  switch (dataType) {
    case 'float32':
      return values;
    case 'float16':
      return toHalves(values);
    case 'float64':
      return Float64Array.from(values);
    case 'int64':
      return BigInt64Array.from(values, (value) => BigInt(Math.round(value)));
    case 'int32':
      return Int32Array.from(values, Math.round);
    case 'int8':
      return Int8Array.from(values, Math.round);
    case 'uint8':
      return Uint8Array.from(values, Math.round);
    case 'bool':
      return Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
  }
}

/** A tensor of one value everywhere. */
export function filled(dataType: TensorDataType, dims: readonly number[], value: number): PlainTensor {
  return tensorOf(dataType, dims, new Float32Array(elementCount(dims)).fill(value));
}

export function boolScalar(value: boolean): PlainTensor {
  return { dataType: 'bool', dims: [], data: Uint8Array.of(value ? 1 : 0) };
}

/** The elements as float32; the tensor's own buffer where it holds float32. */
export function floatValues({ dataType, data }: PlainTensor): Float32Array {
  if (data instanceof Float32Array) return data;
  if (dataType === 'float16') return fromHalves(data as Uint16Array);
  return data instanceof BigInt64Array ? Float32Array.from(data, Number) : Float32Array.from(data);
}

function toHalves(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length);
  const view = new DataView(halves.buffer);
  for (const [i, value] of values.entries()) setFloat16(view, 2 * i, value, true);
  return halves;
}

function fromHalves(halves: Uint16Array): Float32Array {
  const view = new DataView(halves.buffer, halves.byteOffset, halves.byteLength);
  return Float32Array.from(halves, (_, i) => getFloat16(view, 2 * i, true));
}

/** One of the outputs of a run. */
export function outputNamed(outputs: Readonly<Record<string, PlainTensor>>, name: string): PlainTensor {
  const output = outputs[name];
  if (!output) throw new StudioError('internal', `The runtime gave no output ${name}.`, { name });
  return output;
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Tensors of one type and equal inner dimensions, one after another along the first axis. */
export function stacked(tensors: readonly PlainTensor[]): PlainTensor {
  const [first] = tensors;
  if (!first) throw new RangeError('nothing to stack');
  if (tensors.length === 1) return first;
  const Values = first.data.constructor as new (length: number) => PlainTensor['data'];
  const all = new Values(tensors.reduce((sum, { data }) => sum + data.length, 0));
  let start = 0;
  for (const { data } of tensors) {
    all.set(data as never, start);
    start += data.length;
  }
  return {
    dataType: first.dataType,
    dims: [tensors.reduce((sum, { dims }) => sum + (dims[0] ?? 1), 0), ...first.dims.slice(1)],
    data: all,
  };
}

type TensorConstructor = new (type: never, data: never, dims: readonly number[]) => Tensor;

/** The runtime's own tensor behind each device tensor; nobody else can reach it. */
const handles = new WeakMap<DeviceTensor, Tensor>();

/** `Tensor`: the class of the runtime that is going to run it. */
function toRuntimeTensor(constructor: unknown, tensor: PlainTensor | DeviceTensor, traffic: Traffic): Tensor {
  if (!('data' in tensor)) {
    const handle = handles.get(tensor);
    if (!handle) throw new StudioError('internal', 'A device tensor was used after it was disposed of.');
    return handle;
  }
  const { dataType, dims, data } = tensor;
  traffic.toDeviceBytes += data.byteLength;
  return new (constructor as TensorConstructor)(dataType as never, data as never, dims);
}

export function toRuntimeFeeds(constructor: unknown, feeds: Feeds, traffic: Traffic): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => [name, toRuntimeTensor(constructor, tensor, traffic)]),
  );
}

/** Reads every fetched output but those that are to stay. */
export async function fromRuntimeOutputs(
  outputs: Readonly<Record<string, Tensor>>,
  fetches: readonly string[],
  staying: readonly string[],
  traffic: Traffic,
): Promise<Outputs> {
  const plain: Record<string, PlainTensor> = {};
  const onDevice: Record<string, DeviceTensor> = {};
  for (const name of fetches) {
    const tensor = outputs[name];
    if (!tensor) throw new StudioError('internal', `The runtime gave no output ${name}.`, { name });
    if (staying.includes(name)) onDevice[name] = deviceTensor(tensor, traffic);
    else plain[name] = await fromRuntimeTensor(tensor, traffic, true);
  }
  return { plain, onDevice };
}

function deviceTensor(tensor: Tensor, traffic: Traffic): DeviceTensor {
  const made: DeviceTensor = {
    dataType: runtimeType(tensor.type as DataType, 'output'),
    dims: tensor.dims,
    read: () => fromRuntimeTensor(tensor, traffic, false),
    dispose: () => {
      if (handles.delete(made)) tensor.dispose();
    },
  };
  handles.set(made, tensor);
  return made;
}

/** `float16` comes as Float16Array where the platform has it, else as Uint16Array. */
async function fromRuntimeTensor(tensor: Tensor, traffic: Traffic, dispose: boolean): Promise<PlainTensor> {
  const dataType = runtimeType(tensor.type as DataType, 'output');
  const data = (await tensor.getData()) as PlainTensor['data'];
  const own = dispose ? data : (data.slice() as PlainTensor['data']);
  const plain =
    dataType === 'float16' && !(own instanceof Uint16Array)
      ? new Uint16Array(own.buffer, own.byteOffset, own.length)
      : own;
  traffic.fromDeviceBytes += plain.byteLength;
  if (dispose) tensor.dispose();
  return { dataType, dims: tensor.dims, data: plain };
}
