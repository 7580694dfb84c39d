/**
 * Healing at a step, as bytes: what a run needs to go on as if it had never stopped. A JSON header with its length before
 * it, then the flat float32 tensors one after another, little-endian. Where the bytes are kept is the caller's.
 */
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import type { CriticState } from './clipCritic';
import type { HealCurves, HeldOutPoint } from './healData';
import type { TrainingState } from './heldState';

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
  /** Absent without a critic. */
  readonly critic: CriticState | undefined;
}

const MAGIC = 'VDMHEAL2';
const PARTS = ['parameters', 'm', 'v', 'average', 'step'] as const;

export function encodeCheckpoint({ state, bestWeights, critic, ...header }: HealCheckpoint): Uint8Array {
  const named = [
    ...PARTS.map((part) => [part, state[part]] as const),
    ...(bestWeights ? [['best', bestWeights] as const] : []),
    ...(critic ? PARTS.map((part) => [`critic:${part}`, critic[part]] as const) : []),
  ];
  const tensors = named.map(([, values]) => values);
  const lengths = named.map(([name, { length }]) => [name, length]);
  const accuracy = critic ? { criticAccuracy: critic.accuracy } : {};
  const text = new TextEncoder().encode(JSON.stringify({ ...header, ...accuracy, lengths }));
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
  const { lengths, criticAccuracy, ...header } = JSON.parse(text) as Header;
  let at = headerStart + headerLength;
  if (bytes.length !== at + 4 * lengths.reduce((sum, [, length]) => sum + length, 0)) throw broken();
  const tensors = new Map<string, Float32Array>();
  for (const [name, length] of lengths) {
    const values = new Float32Array(length);
    new Uint8Array(values.buffer).set(bytes.subarray(at, at + 4 * length)); // `slice` of Node's Buffer would be a view
    at += 4 * length;
    tensors.set(name, values);
  }
  const stateOf = (prefix: string) =>
    Object.fromEntries(PARTS.map((part) => [part, present(tensors.get(prefix + part))])) as Record<
      (typeof PARTS)[number],
      Float32Array
    >;
  const critic = criticAccuracy === undefined ? undefined : { ...stateOf('critic:'), accuracy: criticAccuracy };
  return { ...header, state: stateOf(''), critic, bestWeights: tensors.get('best') };
}

type Header = Omit<HealCheckpoint, 'state' | 'bestWeights' | 'critic'> & {
  readonly lengths: readonly (readonly [name: string, length: number])[];
  readonly criticAccuracy?: number;
};
