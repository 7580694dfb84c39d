/**
 * onnxruntime-web, with the GPU or with WebAssembly. Everything that touches the runtime goes through one mutex, also
 * across backends: two runs at once on a session hang the worker. It neither chooses a backend nor watches the device.
 */
import type * as Ort from 'onnxruntime-common';
import type { ByteSource } from '../onnx/ByteSource';
import { countNodes } from '../onnx/wire/countNodes';
import type { OrtBuild } from './BackendStatus';
import type { Exclusively } from './mutex';
import { nextTask } from './nextTask';
import type { Feeds, Outputs, Runtime, RuntimeCall, Session, SessionModel, Traffic } from './Runtime';
import { lostError, runError, sessionError } from './runtimeErrors';
import { tinyConvolution } from './selfTest/builtInGraphs';
import { fromRuntimeOutputs, toRuntimeFeeds } from './tensors';
import { heapCapacityBytes, refusalOf } from './weightLimits';

export interface WebRuntimeParts {
  readonly ort: typeof Ort;
  readonly exclusively: Exclusively;
  /** Which of its builds `ort` is. */
  readonly build: OrtBuild;
  /** Present: WebGPU on this device. Absent: WebAssembly. */
  readonly device?: GPUDevice;
  /** Found by a self-test. */
  readonly distrusted?: ReadonlySet<string>;
  /** Told before and after every call into the runtime, which may block the thread for as long as it takes. */
  readonly onBusy?: OnBusy;
  /** Sessions that live, of every runtime that shares this count. */
  readonly sessions?: SessionCount;
}

export type OnBusy = (busy: boolean, call?: RuntimeCall) => void;

export interface SessionCount {
  living: number;
}

/** Builds and devices that have made a session: the first is fetched, compiled and warmed up by its own. */
const started = new WeakSet<object>();

export function webRuntime(parts: WebRuntimeParts): Runtime {
  const { ort, exclusively, build, device, onBusy, distrusted = new Set(), sessions = { living: 0 } } = parts;
  const lost = device ? lossOf(device) : undefined;
  let isLost = false;
  lost?.catch(() => {
    isLost = true;
  });
  const providersFor = ({ channelsFirst = false }: SessionModel) =>
    device ? [{ name: 'webgpu', device, preferredLayout: channelsFirst ? 'NCHW' : 'NHWC' } as const] : ['wasm'];
  const traffic: Traffic = { toDeviceBytes: 0, fromDeviceBytes: 0 };
  /**
   * A loss rejects at once, but the mutex stays taken until the runtime has come back. WebAssembly runs without ever
   * leaving the thread: a task of its own after each call lets messages (a cancel) be received.
   */
  const guarded = <T>(call: RuntimeCall, work: () => Promise<T>): Promise<T> => {
    const running = exclusively(async () => {
      onBusy?.(true, call);
      try {
        return await work();
      } finally {
        onBusy?.(false);
        if (!device) await nextTask();
      }
    });
    running.catch(() => undefined); // heard below, unless the loss was heard first
    return lost ? Promise.race([lost, running.catch((thrown: unknown) => lostOr(lost, thrown))]) : running;
  };
  let living = 0;

  const create = async (model: SessionModel): Promise<Ort.InferenceSession> =>
    ort.InferenceSession.create(model.modelBytes, {
      executionProviders: providersFor(model),
      ...(model.unoptimised ? { graphOptimizationLevel: 'disabled' as const } : {}),
      ...(model.optimised ? { graphOptimizationLevel: 'basic' as const } : {}),
      ...(model.unplannedMemory ? { enableMemPattern: false } : {}),
      logSeverityLevel: 3,
      externalData: await Promise.all(
        [...model.externalData].map(async ([path, source]) => ({ path, data: await wholeFile(source) })),
      ),
      ...(device && model.stayOnDevice
        ? {
            preferredOutputLocation: Object.fromEntries(
              model.stayOnDevice.map((name) => [name, 'gpu-buffer' as const]),
            ),
          }
        : {}),
    });

  /** The GPU keeps a released session's weights until another session is released (found with 1.30.0). */
  const flush = async (): Promise<void> => {
    const session = await create({
      what: 'the flushing graph',
      modelBytes: tinyConvolution(),
      externalData: new Map(),
    });
    await session.release();
  };

  const createSession = async (model: SessionModel): Promise<Session> => {
    const weightBytes = bytesOf(model);
    const hasStarted = started.has(ort) && (!device || started.has(device));
    const nodes = hasStarted ? countNodes(model.modelBytes) : undefined;
    const call = { kind: `session ${model.what}`, weightBytes, ...(nodes === undefined ? {} : { nodes }) };
    const made = await guarded(call, () => create(model)).catch((thrown: unknown) => {
      throw sessionError(thrown, model.what);
    });
    for (const one of device ? [ort, device] : [ort]) started.add(one);
    living++;
    sessions.living++;
    const { what, stayOnDevice: staying = [], macs } = model;
    return sessionOf(made, { what, staying, weightBytes, ...(macs ? { macs } : {}) });
  };

  /** Apart from `createSession`, so that a session does not keep the bytes of its file alive. */
  const sessionOf = (made: Ort.InferenceSession, { what, staying, weightBytes, macs }: Known): Session => {
    let session: Ort.InferenceSession | undefined = made;
    const runKeeping = (feeds: Feeds, fetches: readonly string[], kept: readonly string[]): Promise<Outputs> =>
      guarded({ kind: kindOfRun(what, feeds), weightBytes, ...(macs ? { macs: macs(feeds) } : {}) }, async () => {
        if (!session) throw new Error('the session was released');
        const outputs = await session.run(toRuntimeFeeds(ort.Tensor, feeds, traffic), fetches);
        return fromRuntimeOutputs(outputs, fetches, kept, traffic);
      }).catch((thrown: unknown) => {
        throw runError(thrown, what);
      });
    return {
      run: async (feeds, fetches) => (await runKeeping(feeds, fetches, [])).plain,
      runOnDevice: (feeds, fetches) => runKeeping(feeds, fetches, staying),
      release: () =>
        exclusively(async () => {
          if (!session) return;
          const releasing = session;
          session = undefined;
          living--;
          sessions.living--;
          await releasing.release();
          if (device && !isLost && living > 0) await flush();
        }).catch((thrown: unknown) => {
          const error = runError(thrown, what);
          if (error.code !== 'gpu/lost') throw error; // what a lost device held is gone already
        }),
    };
  };
  const limits = { build, ...(device ? { device: device.limits } : {}) };
  return {
    backend: device ? 'webgpu' : 'wasm',
    capacityBytes: heapCapacityBytes,
    refusal: (need) => refusalOf(need, limits),
    traffic,
    distrusted,
    createSession,
  };
}

/** What stays known of a model whose session is made. */
interface Known {
  readonly what: string;
  readonly staying: readonly string[];
  readonly weightBytes: number;
  readonly macs?: (feeds: Feeds) => number;
}

function bytesOf({ modelBytes, externalData }: SessionModel): number {
  return [...externalData.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, modelBytes.byteLength);
}

function kindOfRun(what: string, feeds: Feeds): string {
  return `run ${what} on ${Object.values(feeds)
    .map(({ dims }) => dims.join('x'))
    .join(', ')}`;
}

/** What fails because the device goes may fail some time before it is said to be lost. */
const LOSS_TOLD_AFTER_MS = 250;

/** Rejects with `gpu/lost` where that is why it failed, else with what was thrown. */
function lostOr(lost: Promise<never>, thrown: unknown): Promise<never> {
  const failed = new Promise<never>((_, reject) => setTimeout(() => reject(thrown), LOSS_TOLD_AFTER_MS));
  return Promise.race([lost, failed]);
}

/** Rejects with `gpu/lost`; never resolves. */
function lossOf(device: GPUDevice): Promise<never> {
  const loss = device.lost.then(({ message }) => {
    throw lostError(message);
  });
  loss.catch(() => undefined); // heard by whoever races against it; alone it is no unhandled rejection
  return loss;
}

/** A Blob is streamed by the runtime; anything else has to be in memory. */
async function wholeFile(source: ByteSource): Promise<Blob | Uint8Array> {
  return source.blob ?? source.read(0, source.sizeBytes);
}
