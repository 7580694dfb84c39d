/**
 * The typed data fields of a TensorProto (float_data, int32_data, ...), which older exporters use instead of
 * raw_data, turned into raw little-endian bytes.
 */
import type { DataType } from '../model';
import type { TensorProto } from './onnx_pb';

/** `undefined` when no typed field holds anything. */
export function typedFieldBytes(proto: TensorProto, dataType: DataType): Uint8Array | undefined {
  if (proto.floatData.length > 0) return bytesOf(Float32Array.from(proto.floatData)); // complex64 too: pairs
  if (proto.doubleData.length > 0) return bytesOf(Float64Array.from(proto.doubleData)); // complex128 too
  if (proto.int64Data.length > 0) return bytesOf(BigInt64Array.from(proto.int64Data));
  if (proto.uint64Data.length > 0) {
    return dataType === 'uint32' ? bytesOf(Uint32Array.from(proto.uint64Data, Number)) : bytesOf(BigUint64Array.from(proto.uint64Data));
  }
  if (proto.int32Data.length > 0) return int32Bytes(proto.int32Data, dataType);
  return undefined;
}

/** int32_data carries every narrow type, one element (or one packed byte) an entry. */
function int32Bytes(values: readonly number[], dataType: DataType): Uint8Array {
  if (dataType === 'int32') return bytesOf(Int32Array.from(values));
  const wide = ['float16', 'bfloat16', 'uint16', 'int16'].includes(dataType);
  return wide ? bytesOf(Uint16Array.from(values, (value) => value & 0xffff)) : Uint8Array.from(values, (value) => value & 0xff);
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

