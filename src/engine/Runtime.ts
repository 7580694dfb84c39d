/**
 * What the engine needs of a runtime: sessions over plain tensors. Implemented by `nodeRuntime` (onnxruntime-node)
 * and `webRuntime` (onnxruntime-web); everything above knows this interface only.
 */
import { StudioError } from '../errors/StudioError';
import type { ByteSource } from '../onnx/ByteSource';

/** Types that graphs take and give here; float16 as raw 16-bit words. */
export type EngineType = 'float32' | 'float16' | 'int64' | 'int32' | 'bool' | 'uint8';

export type EngineArray = Float32Array | Uint16Array | BigInt64Array | Int32Array | Uint8Array;

export interface EngineTensor {
  readonly dataType: EngineType;
  readonly dims: readonly number[];
  /** Row-major. bool: a Uint8Array of 0 and 1. */
  readonly data: EngineArray;
}

export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Throws `engine/run-failed`, `gpu/lost`, `gpu/out-of-memory`. Results belong to the caller. */
  run(feeds: Readonly<Record<string, EngineTensor>>): Promise<Readonly<Record<string, EngineTensor>>>;
  release(): Promise<void>;
}

export interface Runtime {
  readonly backend: 'webgpu' | 'wasm' | 'cpu';
  /** `weights`: location -> file, for graphs with external data. Throws `engine/session-failed`, `engine/unsupported-op`. */
  createSession(model: Uint8Array, weights?: ReadonlyMap<string, ByteSource>): Promise<Session>;
}

/** A runtime's exception as ours, by what its message says. */
export function sessionError(cause: unknown): StudioError {
  const message = messageOf(cause);
  const missing = /(?:Could not find an implementation for|No Op registered for|is not a registered function\/op)\s*:?\s*([\w.]+)?/i.exec(message);
  if (missing) return new StudioError('engine/unsupported-op', `The runtime has no implementation of an operator of this model: ${firstLine(message)}`, { operator: missing[1] ?? '' }, { cause });
  return gpuError(message, cause) ?? new StudioError('engine/session-failed', `The runtime refused the model: ${firstLine(message)}`, {}, { cause });
}

export function runError(cause: unknown): StudioError {
  const message = messageOf(cause);
  return gpuError(message, cause) ?? new StudioError('engine/run-failed', `The model failed while it ran: ${firstLine(message)}`, {}, { cause });
}

function gpuError(message: string, cause: unknown): StudioError | undefined {
  if (/device (?:is |was )?lost|lost device|DeviceLost/i.test(message)) return new StudioError('gpu/lost', 'The GPU was lost while the model ran.', {}, { cause });
  if (/out of memory|OOM|allocation failed|bad_alloc/i.test(message)) return new StudioError('gpu/out-of-memory', `There is not enough memory for this model: ${firstLine(message)}`, {}, { cause });
  return undefined;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]!.slice(0, 400);
}
