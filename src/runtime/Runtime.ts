/**
 * What the engine needs of an ONNX runtime: sessions that take and give plain tensors. Two implementations, one for
 * the browser (`webRuntime`) and one for Node (`nodeRuntime`); nothing else in the studio knows either library.
 */
import type { ByteSource } from '../onnx/ByteSource';

/** Element types that both runtimes take and give. */
export type TensorDataType = 'float32' | 'float16' | 'float64' | 'int64' | 'int32' | 'uint8' | 'int8' | 'bool';

/** Row-major; float16 as its bits in a Uint16Array, bool as bytes of 0 and 1. */
export interface PlainTensor {
  readonly dataType: TensorDataType;
  readonly dims: readonly number[];
  readonly data: Float32Array | Uint16Array | Float64Array | BigInt64Array | Int32Array | Uint8Array | Int8Array;
}

export type Feeds = Readonly<Record<string, PlainTensor>>;

export interface SessionModel {
  /** For errors and progress: 'unet/model.onnx'. */
  readonly what: string;
  /** The graph file. The runtime copies it. */
  readonly modelBytes: Uint8Array;
  /** Location -> weights file, for every location that the graph names. */
  readonly externalData: ReadonlyMap<string, ByteSource>;
}

export interface Session {
  /** The named outputs; their buffers belong to the caller. Throws `engine/run-failed`, `gpu/lost`, `gpu/out-of-memory`. */
  run(feeds: Feeds, fetches: readonly string[]): Promise<Readonly<Record<string, PlainTensor>>>;
  /** Frees the session; no error when it is gone already. */
  release(): Promise<void>;
}

export interface Runtime {
  readonly backend: 'webgpu' | 'wasm' | 'node';
  /** Weights that one session may have here; more is not tried. */
  readonly capacityBytes: number;
  /** Throws `engine/session-failed`, `engine/unsupported-op`, `gpu/lost`, `gpu/out-of-memory`. */
  createSession(model: SessionModel): Promise<Session>;
}
