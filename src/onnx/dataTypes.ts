/**
 * The element types of ONNX: their TensorProto.DataType numbers and sizes. Values are not converted here;
 * `tensorValues` does that.
 */
import { StudioError } from '../errors/StudioError';
import type { DataType, Tensor } from './model';

/** The index is the TensorProto.DataType number. */
const names: readonly (DataType | undefined)[] = [
  undefined,
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
  'float8e8m0',
  'uint2',
  'int2',
  'float6e2m3',
  'float6e3m2',
];

const numbers = new Map(names.flatMap((name, number) => (name === undefined ? [] : [[name, number] as const])));

const bits: Readonly<Record<DataType, number>> = {
  float32: 32,
  uint8: 8,
  int8: 8,
  uint16: 16,
  int16: 16,
  int32: 32,
  int64: 64,
  string: 0,
  bool: 8,
  float16: 16,
  float64: 64,
  uint32: 32,
  uint64: 64,
  complex64: 64,
  complex128: 128,
  bfloat16: 16,
  float8e4m3fn: 8,
  float8e4m3fnuz: 8,
  float8e5m2: 8,
  float8e5m2fnuz: 8,
  uint4: 4,
  int4: 4,
  float4e2m1: 4,
  float8e8m0: 8,
  uint2: 2,
  int2: 2,
  float6e2m3: 6,
  float6e3m2: 6,
};

/** The type with this TensorProto.DataType number; undefined for 0 and for numbers that ONNX does not define. */
export const dataTypeOf = (number: number): DataType | undefined => names[number];

/** The TensorProto.DataType number. */
export const dataTypeNumber = (dataType: DataType): number => numbers.get(dataType) ?? 0;

/** Bits of one element in raw_data; 0 for strings, which have no fixed size. */
export const elementBits = (dataType: DataType): number => bits[dataType];

/** Number of elements; 1 for a scalar. Can exceed what memory holds: it is what the file declares. */
export const elementCount = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** Bytes of the tensor's elements as raw_data (types below 8 bits are packed). For strings, the bytes of all of them. */
export function tensorByteLength(
  tensor: Pick<Tensor, 'name' | 'dataType' | 'dims'> & Partial<Pick<Tensor, 'data'>>,
): number {
  if (tensor.data?.kind === 'strings') return tensor.data.values.reduce((sum, value) => sum + value.length, 0);
  const lengthBytes = Math.ceil((elementCount(tensor.dims) * bits[tensor.dataType]) / 8);
  if (!Number.isSafeInteger(lengthBytes)) {
    throw new StudioError(
      'onnx/invalid-tensor',
      `Tensor '${tensor.name}' declares the shape [${tensor.dims.join(', ')}], more than any file can hold.`,
      {
        tensor: tensor.name,
      },
    );
  }
  return lengthBytes;
}
