/** Which backend runs, and why: plain data for people and for messages. */

/** 'jspi': WebGPU with stack switching by the engine; 'webgpu': the same by Asyncify; 'wasm': the CPU only. */
export type OrtBuild = 'jspi' | 'webgpu' | 'wasm';

export interface BackendStatus {
  readonly backend: 'webgpu' | 'wasm';
  /** Why this one, for people: "WebGPU: adapter X", "WASM: the only WebGPU adapter is a software one (SwiftShader)". */
  readonly reason: string;
  readonly adapter?: string;
  /** Of the runtime: one serves both backends. */
  readonly build: OrtBuild;
  readonly threads: number;
  readonly crossOriginIsolated: boolean;
  /** Where WebAssembly's memory ends. */
  readonly heapBytes: number;
  /** Of one tensor on the GPU; absent on WebAssembly. */
  readonly largestBufferBytes?: number;
  /** The self-test's largest difference from WASM; absent when the backend is WASM itself. */
  readonly selfTestMaxDifference?: number;
}

export type BackendPreference = 'auto' | 'webgpu' | 'wasm';
