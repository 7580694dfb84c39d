/** Which backend runs, and why: plain data for people and for messages. */

export interface BackendStatus {
  readonly backend: 'webgpu' | 'wasm';
  /** Why this one, for people: "WebGPU: adapter X", "WASM: the only WebGPU adapter is a software one (SwiftShader)". */
  readonly reason: string;
  readonly adapter?: string;
  readonly threads: number;
  readonly crossOriginIsolated: boolean;
  /** The self-test's largest difference from WASM; absent when the backend is WASM itself. */
  readonly selfTestMaxDifference?: number;
}

export type BackendPreference = 'auto' | 'webgpu' | 'wasm';
