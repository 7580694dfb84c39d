/**
 * Healing at a step, as bytes: what a run needs to go on as if it had never stopped. A JSON header with its length before
 * it, then the flat float32 tensors one after another, little-endian. Where the bytes are kept is the caller's.
 */
import { StudioError } from '../../errors/StudioError';
import type { HealCurves, HeldOutPoint } from './healData';
import type { TrainingState } from './trainer';

export interface HealCheckpoint {
  /** What the run was asked for, to be equal when it goes on. */
  readonly key: string;
  /** Updates done, and planned. */
  readonly step: number;
  readonly total: number | null;
  readonly seconds: number;
  /** Peak learning rate. */
  readonly rate: number;
  readonly curves: HealCurves;
  readonly best: HeldOutPoint;
  /** Weights of `best`; absent while that is the untouched student. */
  readonly bestWeights: Float32Array | undefined;
  readonly state: TrainingState;
}

const MAGIC = 'VDMHEAL1';
const PARTS = ['parameters', 'm', 'v', 'average', 'step'] as const;

export function encodeCheckpoint({ state, bestWeights, ...header }: HealCheckpoint): Uint8Array {
  const tensors = [...PARTS.map((part) => state[part]), ...(bestWeights ? [bestWeights] : [])];
  const text = new TextEncoder().encode(JSON.stringify({ ...header, lengths: tensors.map(({ length }) => length) }));
  const start = MAGIC.length + 4 + text.length;
  const bytes = new Uint8Array(start + tensors.reduce((sum, { byteLength }) => sum + byteLength, 0));
  bytes.set(new TextEncoder().encode(MAGIC));
  new DataView(bytes.buffer).setUint32(MAGIC.length, text.length, true);
  bytes.set(text, MAGIC.length + 4);
  let at = start;
  for (const { buffer, byteOffset, byteLength } of tensors) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes;
}

/** Throws `library/integrity` for bytes that are no whole checkpoint. */
export function decodeCheckpoint(bytes: Uint8Array): HealCheckpoint {
  const broken = () =>
    new StudioError('library/integrity', 'The checkpoint is not whole, or is none. Start without it.', {});
  const headerStart = MAGIC.length + 4;
  if (bytes.length < headerStart || new TextDecoder().decode(bytes.subarray(0, MAGIC.length)) !== MAGIC) throw broken();
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  const text = new TextDecoder().decode(bytes.subarray(headerStart, headerStart + headerLength));
  if (bytes.length < headerStart + headerLength) throw broken();
  const { lengths, ...header } = JSON.parse(text) as Omit<HealCheckpoint, 'state' | 'bestWeights'> & {
    lengths: readonly number[];
  };
  let at = headerStart + headerLength;
  if (bytes.length !== at + 4 * lengths.reduce((sum, length) => sum + length, 0)) throw broken();
  const tensors = lengths.map((length) => {
    const values = new Float32Array(length);
    new Uint8Array(values.buffer).set(bytes.subarray(at, at + 4 * length)); // `slice` of Node's Buffer would be a view
    at += 4 * length;
    return values;
  });
  const state = Object.fromEntries(PARTS.map((part, index) => [part, tensors[index]!])) as Record<
    (typeof PARTS)[number],
    Float32Array
  >;
  return { ...header, state, bestWeights: tensors[PARTS.length] };
}
