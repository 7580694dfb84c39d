/**
 * Is this model what that one was? Field by field, and every tensor byte for byte, wherever each keeps its bytes. For a
 * file that was written: it is read again by the reader, and compared with what it was made of, not with how.
 */
import { StudioError } from '../errors/StudioError';
import type { ByteSource } from './ByteSource';
import type { Model, Tensor } from './model';
import { OpenSources } from './packing/openSources';

/** A model and the files that its external tensors are in, by location. */
export interface ModelFiles {
  readonly model: Model;
  readonly sources: ReadonlyMap<string, ByteSource>;
}

export interface CompareOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of tensors compared so far. */
  readonly onCompared?: (bytes: number) => void;
}

/**
 * A sentence on the first difference; undefined when there is none. Where tensors lie, and in which file, is none.
 * Throws what reading the sources throws, and the signal's reason.
 */
export async function modelDifference(
  expected: ModelFiles,
  found: ModelFiles,
  options: CompareOptions = {},
): Promise<string | undefined> {
  const tensors: TensorPair[] = [];
  const place = structureDifference(expected.model, found.model, '', tensors);
  if (place !== undefined) return `the graph differs at ${place || 'its root'}`;
  return tensorDifference(tensors, expected.sources, found.sources, options);
}

interface TensorPair {
  readonly expected: Tensor;
  readonly found: Tensor;
}

/** The path of the first difference; tensors of equal name, type and shape are gathered for their bytes. */
function structureDifference(a: unknown, b: unknown, path: string, tensors: TensorPair[]): string | undefined {
  if (Object.is(a, b)) return undefined;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return path;
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && firstDifference(a, b) < 0 ? undefined : path;
  }
  if (isTensor(a) && isTensor(b)) {
    tensors.push({ expected: a, found: b });
    const [{ data: _a, ...left }, { data: _b, ...right }] = [a, b];
    return structureDifference(left, right, path, tensors);
  }
  const [left, right] = [entriesOf(a), entriesOf(b)];
  if (left.length !== right.length || Array.isArray(a) !== Array.isArray(b)) return path;
  for (const [i, [key, value]] of left.entries()) {
    const counterpart = right[i];
    const inner = `${path}${path === '' ? '' : '.'}${key}`;
    if (!counterpart || key !== counterpart[0]) return inner;
    const difference = structureDifference(value, counterpart[1], inner, tensors);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

const isTensor = (value: object): value is Tensor => 'dims' in value && 'dataType' in value && 'data' in value;

/** Maps in their order; fields of objects by name, absent and undefined alike. */
function entriesOf(value: object): readonly (readonly [unknown, unknown])[] {
  if (value instanceof Map || Array.isArray(value)) return [...(value as Map<unknown, unknown>).entries()];
  return Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

const CHUNK_BYTES = 4 * 2 ** 20;

async function tensorDifference(
  pairs: readonly TensorPair[],
  expectedSources: ModelFiles['sources'],
  foundSources: ModelFiles['sources'],
  { signal, onCompared }: CompareOptions,
): Promise<string | undefined> {
  const readers = { expected: new TensorReader(expectedSources), found: new TensorReader(foundSources) };
  let compared = 0;
  try {
    for (const { expected, found } of pairs.toSorted((a, b) => placeOf(a.found) - placeOf(b.found))) {
      const lengthBytes = byteLength(expected);
      if (byteLength(found) !== lengthBytes)
        return `the tensor '${found.name}' has ${byteLength(found)} bytes instead of ${lengthBytes}`;
      for (let at = 0; at < lengthBytes; at += CHUNK_BYTES) {
        signal?.throwIfAborted();
        const length = Math.min(CHUNK_BYTES, lengthBytes - at);
        const [left, right] = await Promise.all([
          readers.expected.read(expected, at, length),
          readers.found.read(found, at, length),
        ]);
        const wrong = firstDifference(left, right);
        if (wrong >= 0) return `the tensor '${found.name}' differs from byte ${at + wrong} on`;
        onCompared?.((compared += length));
      }
    }
    return undefined;
  } finally {
    await Promise.all([readers.expected.close(), readers.found.close()]);
  }
}

/** Files are read from front to back. */
const placeOf = ({ data }: Tensor): number => (data.kind === 'external' ? data.offsetBytes : -1);

function byteLength({ data }: Tensor): number {
  if (data.kind === 'external') return data.lengthBytes;
  return data.kind === 'inline' ? data.bytes.length : stringsBytes(data.values).length;
}

/** Each string after its length, so that moving a letter from one to the next is a difference. */
function stringsBytes(values: readonly Uint8Array[]): Uint8Array {
  const text = values.map((value) => [value.length, ...value].join());
  return new TextEncoder().encode(text.join(';'));
}

class TensorReader {
  readonly #files = new OpenSources();
  readonly #memory = new Uint8Array(CHUNK_BYTES);

  constructor(readonly sources: ReadonlyMap<string, ByteSource>) {}

  /** Valid until the next one. */
  async read({ name, data }: Tensor, offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    if (data.kind === 'strings') return stringsBytes(data.values).subarray(offsetBytes, offsetBytes + lengthBytes);
    if (data.kind === 'inline') return data.bytes.subarray(offsetBytes, offsetBytes + lengthBytes);
    const source = this.sources.get(data.location);
    if (!source) {
      throw new StudioError(
        'onnx/missing-external-data',
        `The tensor '${name}' is in the file ${data.location}, which is not there.`,
        { tensor: name, missing: [data.location] },
      );
    }
    const target = this.#memory.subarray(0, lengthBytes);
    await this.#files.readInto(source, data.offsetBytes + offsetBytes, target);
    return target;
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}

/** -1 where there is none. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  if (a.byteOffset % 4 === 0 && b.byteOffset % 4 === 0) {
    const wordsOf = (bytes: Uint8Array) => new Uint32Array(bytes.buffer, bytes.byteOffset, length >> 2);
    const [left, right] = [wordsOf(a), wordsOf(b)];
    let word = 0;
    while (word < left.length && left[word] === right[word]) word++;
    at = 4 * word;
  }
  while (at < length && a[at] === b[at]) at++;
  return at < length || a.length !== b.length ? at : -1;
}
