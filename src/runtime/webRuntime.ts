/**
 * onnxruntime-web, with the GPU or with WebAssembly. Everything that touches the runtime goes through one mutex, also
 * across backends: two runs at once on a session hang the worker. It neither chooses a backend nor watches the device.
 */
import type * as Ort from 'onnxruntime-common';
import type { ByteSource } from '../onnx/ByteSource';
import type { Exclusively } from './mutex';
import type { Runtime, Session, SessionModel } from './Runtime';
import { lostError, runError, sessionError } from './runtimeErrors';
import { tinyConvolution } from './selfTest/builtInGraphs';
import { fromRuntimeTensor, toRuntimeTensor } from './tensors';

export interface WebRuntimeParts {
  readonly ort: typeof Ort;
  readonly exclusively: Exclusively;
  /** Present: WebGPU on this device. Absent: WebAssembly. */
  readonly device?: GPUDevice;
}

/** WebAssembly addresses 4 GB, and weights pass through it twice while a session is made. */
const CAPACITY_BYTES = 1.5e9;

export function webRuntime({ ort, exclusively, device }: WebRuntimeParts): Runtime {
  const lost = device ? lossOf(device) : undefined;
  const executionProviders = device ? [{ name: 'webgpu', device } as const] : ['wasm'];
  const guarded = <T>(work: () => Promise<T>): Promise<T> =>
    exclusively(() => (lost ? Promise.race([lost, work()]) : work()));
  let living = 0;

  const create = async (model: SessionModel): Promise<Ort.InferenceSession> =>
    ort.InferenceSession.create(model.modelBytes, {
      executionProviders,
      logSeverityLevel: 3,
      externalData: await Promise.all(
        [...model.externalData].map(async ([path, source]) => ({ path, data: await wholeFile(source) })),
      ),
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
    let session: Ort.InferenceSession | undefined = await guarded(() => create(model)).catch((thrown: unknown) => {
      throw sessionError(thrown, model.what);
    });
    living++;
    return {
      run: (feeds, fetches) =>
        guarded(async () => {
          if (!session) throw new Error('the session was released');
          const given = Object.fromEntries(
            Object.entries(feeds).map(([name, tensor]) => [name, toRuntimeTensor(ort.Tensor, tensor)]),
          );
          const outputs = await session.run(given, fetches);
          return Object.fromEntries(
            await Promise.all(fetches.map(async (name) => [name, await fromRuntimeTensor(outputs[name]!)] as const)),
          );
        }).catch((thrown: unknown) => {
          throw runError(thrown, model.what);
        }),
      release: () =>
        exclusively(async () => {
          if (!session) return;
          const releasing = session;
          session = undefined;
          living--;
          await releasing.release();
          if (device && living > 0) await flush();
        }).catch((thrown: unknown) => {
          const error = runError(thrown, model.what);
          if (error.code !== 'gpu/lost') throw error; // what a lost device held is gone already
        }),
    };
  };
  return { backend: device ? 'webgpu' : 'wasm', capacityBytes: CAPACITY_BYTES, createSession };
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
