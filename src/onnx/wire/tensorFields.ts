/**
 * The typed data fields of a TensorProto (float_data, int32_data, ...), which older exporters use instead of
 * raw_data, turned into raw little-endian bytes.
 */
import type { DataType } from '../model';
import type { TensorProto } from './onnx_pb';

/** The bytes of whichever typed field this type uses; empty when that holds nothing. */
export function typedFieldBytes(proto: TensorProto, dataType: DataType): Uint8Array {
  switch (dataType) {
    case 'float32':
    case 'complex64':
      return bytesOf(Float32Array.from(proto.floatData)); // complex: pairs
    case 'float64':
    case 'complex128':
      return bytesOf(Float64Array.from(proto.doubleData));
    case 'int64':
      return bytesOf(BigInt64Array.from(proto.int64Data));
    case 'uint64':
      return bytesOf(BigUint64Array.from(proto.uint64Data));
    case 'uint32':
      return bytesOf(Uint32Array.from(proto.uint64Data, Number));
    case 'int32':
      return bytesOf(Int32Array.from(proto.int32Data));
    case 'int16':
    case 'uint16':
    case 'float16':
    case 'bfloat16':
      return bytesOf(Uint16Array.from(proto.int32Data));
    case 'float6e2m3':
    case 'float6e3m2':
      return sixBits(proto.int32Data);
    default:
      return Uint8Array.from(proto.int32Data); // 8 bits, or several packed elements, an entry; only the low byte counts
  }
}

/** Packs one element an entry into a stream of bits, the lowest first. */
function sixBits(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((values.length * 6) / 8));
  values.forEach((value, i) => {
    const bit = 6 * i;
    const shifted = (value & 63) << (bit % 8);
    const at = bit >> 3;
    bytes[at] = (bytes[at] ?? 0) | (shifted & 255);
    if (shifted > 255) bytes[at + 1] = (bytes[at + 1] ?? 0) | (shifted >> 8);
  });
  return bytes;
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
