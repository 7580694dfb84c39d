/**
 * The backend that the worker runs on: chosen once, remade after a device loss. WebGPU only counts after a small
 * graph has given the same numbers there as on WebAssembly.
 */
import type * as Ort from 'onnxruntime-common';
import { StudioError } from '../../errors/StudioError';
import type { BackendPreference, BackendStatus } from '../BackendStatus';
import { createMutex } from '../mutex';
import { chooseBuild, loadOrt, threadCount } from '../ortBuild';
import type { Runtime } from '../Runtime';
import { tinyConvolution } from '../selfTest/builtInGraphs';
import { distrustedOperators } from '../selfTest/fusedOperators';
import { selfTest } from '../selfTest/selfTest';
import { type OnBusy, type SessionCount, webRuntime } from '../webRuntime';
import { HEAP_BYTES } from '../weightLimits';
import { chooseBackend } from './chooseBackend';
import { findAdapter, requestDevice } from './gpuDevice';
import { tellCommands } from './tellCommands';

export interface WebBackend {
  readonly runtime: Runtime;
  readonly status: BackendStatus;
  /** Resolves with the reason when the GPU device goes; never for WebAssembly. */
  readonly lost: Promise<string>;
  isLost(): boolean;
  /** Takes the device away, as a driver's crash would; nothing for WebAssembly. */
  lose(): void;
  dispose(): void;
}

const exclusively = createMutex();
let loading: Promise<typeof Ort> | undefined;
let awake: Promise<void> | undefined;
/** Of all backends that were ever made here. */
const sessions: SessionCount = { living: 0 };

let devices = 0;

/** Sessions that were made and not released, and devices that are not lost: what a leak would make grow. */
export const living = (): { readonly sessions: number; readonly devices: number } => ({
  sessions: sessions.living,
  devices,
});

/** `onCommand`: told of what the runtime asks of the GPU. Throws `gpu/unavailable` when WebGPU was asked for by hand and there is none, `engine/self-test-failed` when it then computes wrongly. */
export async function openWebBackend(
  preference: BackendPreference,
  onBusy: OnBusy = () => undefined,
  onCommand: () => void = () => undefined,
): Promise<WebBackend> {
  const threads = threadCount(self);
  const build = chooseBuild(globalThis);
  loading ??= loadOrt(build, threads);
  const ort = await loading;
  const wasm = awakened(webRuntime({ ort, exclusively, build, onBusy, sessions }));
  const base = { build, threads, crossOriginIsolated: self.crossOriginIsolated, heapBytes: HEAP_BYTES };
  const onWasm = (reason: string, adapter?: string): WebBackend => ({
    runtime: wasm,
    status: { ...base, backend: 'wasm', reason, ...(adapter === undefined ? {} : { adapter }) },
    lost: new Promise(() => undefined),
    isLost: () => false,
    lose: () => undefined,
    dispose: () => undefined,
  });
  const found = await findAdapter();
  const choice = chooseBackend(preference, found?.facts);
  if (choice.backend === 'wasm' || !found) return onWasm(choice.reason, found?.facts.name);
  const device = await requestDevice(found);
  tellCommands(device, onCommand);
  devices++;
  void device.lost.then(() => devices--);
  const onDeviceBusy: OnBusy = found.facts.isSoftware
    ? (busy, call) => onBusy(busy, call && { ...call, software: true })
    : onBusy;
  const parts = { ort, exclusively, build, onBusy: onDeviceBusy, sessions, device };
  const untested = webRuntime(parts);
  try {
    const selfTestMaxDifference = await selfTest(untested, wasm, 'WebAssembly');
    const distrusted = await distrustedOperators(untested);
    const runtime = webRuntime({ ...parts, distrusted });
    let isLost = false;
    void device.lost.then(() => {
      isLost = true;
    });
    return {
      runtime,
      status: {
        ...base,
        backend: 'webgpu',
        reason: choice.reason,
        adapter: found.facts.name,
        largestBufferBytes: Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize),
        selfTestMaxDifference,
      },
      lost: device.lost.then((info) => info.message),
      isLost: () => isLost,
      lose: () => device.destroy(),
      dispose: () => device.destroy(),
    };
  } catch (thrown) {
    device.destroy();
    const error = StudioError.from(thrown);
    if (preference === 'webgpu') throw error;
    return onWasm(`WASM: WebGPU on ${found.facts.name} failed its self-test. ${error.message}`, found.facts.name);
  }
}

/**
 * onnxruntime fetches and compiles its WebAssembly and starts its threads with the first session: a graph of one node has
 * that done while the model is still read and mapped. Where it fails every session does, for that reason.
 */
function awakened(runtime: Runtime): Runtime {
  const first = { what: 'its first graph', modelBytes: tinyConvolution(), externalData: new Map() };
  const waking = (awake ??= runtime.createSession(first).then((session) => session.release()));
  waking.catch(() => undefined); // told by the first session that somebody waits for
  return { ...runtime, createSession: (model) => waking.then(() => runtime.createSession(model)) };
}

/** Whether every call into the runtime comes back within that time; what is asked of it meanwhile waits behind this. */
export function runtimeIsIdle(withinMs: number): Promise<boolean> {
  const idle = exclusively(async () => true);
  return Promise.race([idle, new Promise<boolean>((resolve) => setTimeout(() => resolve(false), withinMs))]);
}
