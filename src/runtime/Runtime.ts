/**
 * What the engine needs of an ONNX runtime: sessions that take and give plain tensors. Two implementations, one for
 * the browser (`webRuntime`) and one for Node (`nodeRuntime`); nothing else in the studio knows either library.
 */
import type { ByteSource } from '../onnx/ByteSource';
import type { WeightsNeed } from './weightLimits';

/** Element types that both runtimes take and give. */
export type TensorDataType = 'float32' | 'float16' | 'float64' | 'int64' | 'int32' | 'uint8' | 'int8' | 'bool';

/** Row-major; float16 as its bits in a Uint16Array, bool as bytes of 0 and 1. */
export interface PlainTensor {
  readonly dataType: TensorDataType;
  readonly dims: readonly number[];
  readonly data: Float32Array | Uint16Array | Float64Array | BigInt64Array | Int32Array | Uint8Array | Int8Array;
}

/**
 * A tensor that stays where the runtime computed it, so that it can be fed again without a copy. Whoever got it
 * disposes of it; it is gone with the runtime.
 */
export interface DeviceTensor {
  readonly dataType: TensorDataType;
  readonly dims: readonly number[];
  /** A copy of the values. */
  read(): Promise<PlainTensor>;
  dispose(): void;
}

export type Feeds = Readonly<Record<string, PlainTensor | DeviceTensor>>;

/** Outputs that came back, and those that stayed. */
export interface Outputs {
  readonly plain: Readonly<Record<string, PlainTensor>>;
  readonly onDevice: Readonly<Record<string, DeviceTensor>>;
}

export interface SessionModel {
  /** For errors and progress: 'unet/model.onnx'. */
  readonly what: string;
  /** The graph file. The runtime copies it. */
  readonly modelBytes: Uint8Array;
  /** Location -> weights file, for every location that the graph names. */
  readonly externalData: ReadonlyMap<string, ByteSource>;
  /** Outputs that `runOnDevice` leaves on the device; fixed when the session is made. */
  readonly stayOnDevice?: readonly string[];
  /** The graph is run as it stands: nothing is fused or folded. Slow; for comparisons. */
  readonly unoptimised?: boolean;
  /** The studio's passes have been there: of the runtime's own ones in the tab, what folds and joins biases is enough. */
  readonly optimised?: boolean;
  /** On WebGPU channels stay before rows and columns: no Transposes around convolutions, whose kernels like them last. */
  readonly channelsFirst?: boolean;
  /** Multiply-accumulates of a run: how long the first may take. */
  readonly macs?: (feeds: Feeds) => number;
  /**
   * For graphs whose values take much more than their weights: the runtime takes memory value by value. Its plan of one
   * piece for all of a run comes on top of what the first run took, and is as large again.
   */
  readonly unplannedMemory?: boolean;
}

export interface Session {
  /** The named outputs; their buffers belong to the caller. Throws `engine/run-failed`, `gpu/lost`, `gpu/out-of-memory`. */
  run(feeds: Feeds, fetches: readonly string[]): Promise<Readonly<Record<string, PlainTensor>>>;
  /** As `run`, but the outputs that the model named in `stayOnDevice` stay there. */
  runOnDevice(feeds: Feeds, fetches: readonly string[]): Promise<Outputs>;
  /** Frees the session; no error when it is gone already. */
  release(): Promise<void>;
}

/** Bytes of tensors that went to the runtime and came back, since it was made: what tests count. */
export interface Traffic {
  toDeviceBytes: number;
  fromDeviceBytes: number;
}

/** A call into a runtime as whoever waits for it is told: making a session, or running it. */
export interface RuntimeCall {
  /** What is called with what sizes: calls of one kind take about the same time. */
  readonly kind: string;
  /** Of the session that is made or run. */
  readonly weightBytes: number;
  /** Of the graph that a session is made of, where they could be counted and the runtime itself has started. */
  readonly nodes?: number;
  /** Of a run whose multiply-accumulates somebody counted. */
  readonly macs?: number;
  /** On a GPU adapter that is a program: its kernels are far slower than WebAssembly's. */
  readonly software?: true;
}

export interface Runtime {
  readonly backend: 'webgpu' | 'wasm' | 'node' | 'cuda';
  /** Weights of sessions that are kept beside each other, those in use apart: a budget, no limit of one model. */
  readonly capacityBytes: number;
  /** The limit that weights pass here, as a sentence; undefined where a session is worth trying. */
  refusal(need: WeightsNeed): string | undefined;
  readonly traffic: Readonly<Traffic>;
  /** onnxruntime's own operators (com.microsoft) that it computes wrongly here: graphs spell them out. */
  readonly distrusted: ReadonlySet<string>;
  /** Throws `engine/session-failed`, `engine/unsupported-op`, `gpu/lost`, `gpu/out-of-memory`. */
  createSession(model: SessionModel): Promise<Session>;
}
