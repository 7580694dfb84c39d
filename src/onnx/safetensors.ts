/**
 * Weights as a safetensors file (https://github.com/huggingface/safetensors): a JSON header with its length before it,
 * then the tensors' bytes one after another. Tensors whose bytes are at hand only; no metadata.
 */
import { StudioError } from '../errors/StudioError';
import { tensorByteLength } from './dataTypes';
import type { DataType, Tensor } from './model';

const typeNames: Partial<Readonly<Record<DataType, string>>> = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
};

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** In the order of their names. Throws `onnx/unsupported` for an element type that the format does not have. */
export function writeSafetensors(tensors: ReadonlyMap<string, Tensor>): Uint8Array<ArrayBuffer> {
  const entries: Record<string, Entry> = {};
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const [name, { dataType, dims, data }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const dtype = typeNames[dataType];
    if (dtype === undefined || data.kind !== 'inline')
      throw new StudioError('onnx/unsupported', `The weights ${name} cannot be kept: they are ${dataType}.`, { name });
    entries[name] = { dtype, shape: dims, data_offsets: [at, at + data.bytes.byteLength] };
    pieces.push(data.bytes);
    at += data.bytes.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(entries));
  const padding = (8 - (text.length % 8)) % 8; // the format wants its data aligned
  const start = 8 + text.length + padding;
  const bytes = new Uint8Array(start + at);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length + padding), true);
  bytes.set(text, 8);
  bytes.fill(0x20, 8 + text.length, start);
  let offset = start;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.byteLength;
  }
  return bytes;
}

/** Tensors that share the memory of `bytes`. Throws `library/integrity` for bytes that are no whole file. */
export function readSafetensors(bytes: Uint8Array): ReadonlyMap<string, Tensor> {
  const broken = (why: string) => new StudioError('library/integrity', `The weights file is damaged: ${why}.`, {});
  if (bytes.length < 8) throw broken('it has no header');
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > bytes.length - 8) throw broken('its header is cut off');
  const entries = headerOf(bytes.subarray(8, 8 + length));
  if (!entries) throw broken('its header is no list of tensors');
  const data = bytes.subarray(8 + length);
  const tensors = new Map<string, Tensor>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(entries)) {
    const dataType = (Object.keys(typeNames) as DataType[]).find((type) => typeNames[type] === dtype);
    const [from, to] = data_offsets;
    if (dataType === undefined || to > data.length || to - from !== tensorByteLength({ name, dataType, dims: shape }))
      throw broken(`${name} does not have the bytes that it should`);
    tensors.set(name, { name, dataType, dims: [...shape], data: { kind: 'inline', bytes: data.subarray(from, to) } });
  }
  return tensors;
}

function headerOf(bytes: Uint8Array): Readonly<Record<string, Entry>> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined; // told by the caller
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { __metadata__, ...entries } = value as Record<string, unknown>;
  const isCount = (number: unknown) => Number.isInteger(number) && (number as number) >= 0;
  const isEntry = (entry: unknown): boolean => {
    const { dtype, shape, data_offsets } = (entry ?? {}) as Partial<Record<keyof Entry, unknown>>;
    return (
      typeof dtype === 'string' &&
      Array.isArray(shape) &&
      shape.every(isCount) &&
      Array.isArray(data_offsets) &&
      data_offsets.length === 2 &&
      data_offsets.every(isCount)
    );
  };
  return Object.values(entries).every(isEntry) ? (entries as Record<string, Entry>) : undefined;
}
