/** TensorProto.DataType numbers and the width of each type. */
import type { DataType, Tensor } from './model';

const NAMES: Readonly<Record<number, DataType>> = {
  1: 'float32', 2: 'uint8', 3: 'int8', 4: 'uint16', 5: 'int16', 6: 'int32', 7: 'int64', 8: 'string', 9: 'bool', 10: 'float16',
  11: 'float64', 12: 'uint32', 13: 'uint64', 14: 'complex64', 15: 'complex128', 16: 'bfloat16', 17: 'float8e4m3fn',
  18: 'float8e4m3fnuz', 19: 'float8e5m2', 20: 'float8e5m2fnuz', 21: 'uint4', 22: 'int4', 23: 'float4e2m1', 24: 'float8e8m0',
  25: 'uint2', 26: 'int2',
};

const BITS: Readonly<Record<DataType, number>> = {
  float32: 32, uint8: 8, int8: 8, uint16: 16, int16: 16, int32: 32, int64: 64, string: 0, bool: 8, float16: 16, float64: 64,
  uint32: 32, uint64: 64, complex64: 64, complex128: 128, bfloat16: 16, float8e4m3fn: 8, float8e4m3fnuz: 8, float8e5m2: 8,
  float8e5m2fnuz: 8, uint4: 4, int4: 4, float4e2m1: 4, float8e8m0: 8, uint2: 2, int2: 2,
};

const NUMBERS = new Map(Object.entries(NAMES).map(([number, name]) => [name, Number(number)]));

/** `undefined` for a number that ONNX does not define (or UNDEFINED, 0). */
export function dataTypeOf(number: number): DataType | undefined {
  return NAMES[number];
}

export function dataTypeNumber(dataType: DataType): number {
  return NUMBERS.get(dataType)!;
}

/** Bits of one element; 0 for strings. */
export function elementBits(dataType: DataType): number {
  return BITS[dataType];
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Bytes that shape and type call for, packed types rounded up to a byte; 0 for strings. */
export function tensorByteLength(tensor: Pick<Tensor, 'dataType' | 'dims'>): number {
  return Math.ceil((elementCount(tensor.dims) * elementBits(tensor.dataType)) / 8);
}
