/**
 * Which build of onnxruntime-web this browser gets, and where its files are. Never the package's main entry: that is
 * the older JSEP build, with silently wrong convolutions. The wasm and its loader are files of their own, so that the
 * threads which the runtime starts load that loader and not the studio's worker (which hangs when built).
 */

import type * as Ort from 'onnxruntime-common';
import asyncifyLoader from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import asyncifyWasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import jspiLoader from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url';
import jspiWasm from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url';
import plainLoader from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import plainWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import type { OrtBuild } from './BackendStatus';

const builds: Readonly<Record<OrtBuild, { load: () => Promise<typeof Ort>; loader: string; wasm: string }>> = {
  jspi: { load: () => import('onnxruntime-web/jspi'), loader: jspiLoader, wasm: jspiWasm },
  webgpu: { load: () => import('onnxruntime-web/webgpu'), loader: asyncifyLoader, wasm: asyncifyWasm },
  wasm: { load: () => import('onnxruntime-web/wasm'), loader: plainLoader, wasm: plainWasm },
};

/** One build serves both backends, so that falling back from one to the other downloads nothing. */
export function chooseBuild(scope: { readonly WebAssembly: object; readonly navigator: object }): OrtBuild {
  if ('Suspending' in scope.WebAssembly) return 'jspi';
  return 'gpu' in scope.navigator ? 'webgpu' : 'wasm';
}

/** The runtime's threads share memory, which only a cross-origin isolated page may. */
export function threadCount(scope: {
  readonly crossOriginIsolated: boolean;
  readonly navigator: { readonly hardwareConcurrency: number };
}): number {
  return scope.crossOriginIsolated ? Math.max(1, Math.min(scope.navigator.hardwareConcurrency, 16)) : 1;
}

/** Call once per worker. */
export async function loadOrt(build: OrtBuild, threads: number): Promise<typeof Ort> {
  const { load, loader, wasm } = builds[build];
  const ort = await load();
  ort.env.wasm.wasmPaths = { mjs: absolute(loader), wasm: absolute(wasm) };
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  return ort;
}

/** Emscripten resolves addresses against its own; these are relative to the page's assets. */
function absolute(url: string): string {
  return new URL(url, import.meta.url).href;
}
