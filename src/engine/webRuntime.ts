/**
 * onnxruntime-web, inside the worker. The build is the smallest that does the job here: `/jspi` where the browser has
 * JS Promise Integration, else `/webgpu` (Asyncify), else `/wasm`. Its files are served by ourselves as external files:
 * the runtime's threads must start from its own script, never from our bundle (they would hang).
 */
import type * as Ort from 'onnxruntime-web/webgpu';
import asyncifyModule from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import asyncifyWasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import jspiModule from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url';
import jspiWasm from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url';
import plainModule from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import plainWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import type { ByteSource } from '../onnx/ByteSource';
import type { EngineArray, EngineTensor, EngineType, Runtime, Session } from './Runtime';
import { runError, sessionError } from './Runtime';

export interface WebRuntimes {
  readonly threads: number;
  readonly wasm: Runtime;
  /** Throws when the loaded build has no WebGPU. The device stays the caller's. */
  webgpu(device: GPUDevice): Runtime;
}

/** Loads the runtime once; both backends share it, and one lock, because it allows one call at a time. */
export async function loadWebRuntimes(): Promise<WebRuntimes> {
  const ort = await loadOrt();
  const threads = self.crossOriginIsolated ? Math.max(1, Math.min(8, navigator.hardwareConcurrency)) : 1;
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.proxy = false;
  ort.env.logLevel = 'error';
  const lock = createLock();
  return {
    threads,
    wasm: runtime(ort, lock, 'wasm', ['wasm']),
    webgpu: (device) => runtime(ort, lock, 'webgpu', [{ name: 'webgpu', device } as Ort.InferenceSession.WebGpuExecutionProviderOption]),
  };
}

async function loadOrt(): Promise<typeof Ort> {
  const absolute = (url: string) => new URL(url, self.location.href).href;
  if ('Suspending' in WebAssembly) {
    const ort = (await import('onnxruntime-web/jspi')) as typeof Ort;
    ort.env.wasm.wasmPaths = { mjs: absolute(jspiModule), wasm: absolute(jspiWasm) };
    return ort;
  }
  if (navigator.gpu) {
    const ort = await import('onnxruntime-web/webgpu');
    ort.env.wasm.wasmPaths = { mjs: absolute(asyncifyModule), wasm: absolute(asyncifyWasm) };
    return ort;
  }
  const ort = (await import('onnxruntime-web/wasm')) as typeof Ort;
  ort.env.wasm.wasmPaths = { mjs: absolute(plainModule), wasm: absolute(plainWasm) };
  return ort;
}

type Lock = <T>(work: () => Promise<T>) => Promise<T>;

/** Runs pieces of work one after another; a failed one does not stop the next. */
function createLock(): Lock {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next.catch(() => undefined); // its own caller gets the error
    return next;
  };
}

function runtime(ort: typeof Ort, lock: Lock, backend: 'webgpu' | 'wasm', executionProviders: Ort.InferenceSession.ExecutionProviderConfig[]): Runtime {
  return {
    backend,
    async createSession(model, weights = new Map()) {
      const externalData = await Promise.all([...weights].map(async ([path, source]) => ({ path, data: await fileOf(source) })));
      const options: Ort.InferenceSession.SessionOptions = { executionProviders, logSeverityLevel: 3, ...(externalData.length > 0 ? { externalData } : {}) };
      const session = await lock(() => ort.InferenceSession.create(model, options)).catch((cause: unknown) => {
        throw sessionError(cause);
      });
      return wrap(ort, lock, session);
    },
  };
}

/** A Blob where there is one: the JSPI build streams it instead of holding it. */
async function fileOf(source: ByteSource): Promise<Blob | Uint8Array> {
  return source.blob ?? source.read(0, source.sizeBytes);
}

function wrap(ort: typeof Ort, lock: Lock, session: Ort.InferenceSession): Session {
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds) {
      const inputs = Object.fromEntries(Object.entries(feeds).map(([name, { dataType, dims, data }]) => [name, new ort.Tensor(dataType as 'float32', data as Float32Array, dims)]));
      const outputs = await lock(() => session.run(inputs)).catch((cause: unknown) => {
        throw runError(cause);
      });
      const results: Record<string, EngineTensor> = {};
      for (const [name, tensor] of Object.entries(outputs)) {
        results[name] = { dataType: tensor.type as EngineType, dims: tensor.dims, data: (await tensor.getData()) as EngineArray };
        tensor.dispose();
      }
      return results;
    },
    release: () => lock(() => session.release()),
  };
}
