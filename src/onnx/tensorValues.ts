/** The elements of a tensor as numbers. For small constants; weights stay bytes. */
import { getFloat16 } from '@petamoriken/float16';
import { StudioError } from '../errors/StudioError';
import type { ByteSource } from './ByteSource';
import { elementCount } from './dataTypes';
import type { DataType, Tensor } from './model';

export type TensorValues =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/**
 * The elements of an inline tensor, row-major: 16-bit floats as Float32Array, bool as Uint8Array of 0 and 1, 4-bit
 * integers as 8-bit ones. `undefined` for external data and for types without a number for each element (strings, complex,
 * float8, float4, 2 bits).
 */
export function tensorValues(tensor: Tensor): TensorValues | undefined {
  return tensor.data.kind === 'inline'
    ? bytesToValues(tensor.data.bytes, tensor.dataType, elementCount(tensor.dims))
    : undefined;
}

/** The tensor's raw bytes, read from `sources` when external. Throws `onnx/missing-external-data`, `onnx/external-data-range`. */
export async function tensorBytes(
  tensor: Tensor,
  sources: ReadonlyMap<string, ByteSource> = new Map(),
): Promise<Uint8Array> {
  const { data } = tensor;
  if (data.kind === 'inline') return data.bytes;
  if (data.kind === 'strings')
    throw new StudioError('onnx/unsupported', `The tensor '${tensor.name}' holds strings, not numbers.`, {
      tensor: tensor.name,
    });
  const source = sources.get(data.location);
  if (!source) {
    throw new StudioError(
      'onnx/missing-external-data',
      `The tensor '${tensor.name}' is in the file ${data.location}, which is not there.`,
      {
        tensor: tensor.name,
        missing: [data.location],
      },
    );
  }
  return source.read(data.offsetBytes, data.lengthBytes);
}

function bytesToValues(bytes: Uint8Array, dataType: DataType, count: number): TensorValues | undefined {
  const aligned = () => bytes.slice(0).buffer; // a copy starts at 0, so every element size is aligned
  switch (dataType) {
    case 'float32':
      return new Float32Array(aligned());
    case 'float64':
      return new Float64Array(aligned());
    case 'int64':
      return new BigInt64Array(aligned());
    case 'uint64':
      return new BigUint64Array(aligned());
    case 'int32':
      return new Int32Array(aligned());
    case 'uint32':
      return new Uint32Array(aligned());
    case 'int16':
      return new Int16Array(aligned());
    case 'uint16':
      return new Uint16Array(aligned());
    case 'int8':
      return new Int8Array(aligned());
    case 'uint8':
    case 'bool':
      return bytes.slice();
    case 'float16':
      return halves(bytes, count);
    case 'bfloat16':
      return brainFloats(bytes, count);
    case 'int4':
      return Int8Array.from({ length: count }, (_, i) => (nibble(bytes, i) << 28) >> 28);
    case 'uint4':
      return Uint8Array.from({ length: count }, (_, i) => nibble(bytes, i));
    default:
      return undefined;
  }
}

function halves(bytes: Uint8Array, count: number): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: count }, (_, i) => getFloat16(view, 2 * i, true));
}

/** bfloat16 is the upper half of a float32. */
function brainFloats(bytes: Uint8Array, count: number): Float32Array {
  const words = Uint32Array.from(
    { length: count },
    (_, i) => (((bytes[2 * i] ?? 0) | ((bytes[2 * i + 1] ?? 0) << 8)) << 16) >>> 0,
  );
  return new Float32Array(words.buffer);
}

/** Two elements a byte, the first in the low half. */
const nibble = (bytes: Uint8Array, i: number): number => ((bytes[i >> 1] ?? 0) >> (4 * (i & 1))) & 15;
