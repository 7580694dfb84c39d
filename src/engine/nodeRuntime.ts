/** onnxruntime-node on the CPU: for the command line and tests. */
import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ByteSource } from '../onnx/ByteSource';
import type { EngineArray, EngineTensor, EngineType, Runtime, Session } from './Runtime';
import { runError, sessionError } from './Runtime';

export interface NodeRuntimeOptions {
  /** 0: as many as the runtime likes. */
  readonly threads?: number;
}

export function nodeRuntime({ threads = 0 }: NodeRuntimeOptions = {}): Runtime {
  return {
    backend: 'cpu',
    async createSession(model, weights = new Map()) {
      const externalData = await Promise.all([...weights].map(async ([path, source]) => ({ path, data: await wholeFile(source) })));
      const options = { intraOpNumThreads: threads, logSeverityLevel: 3 as const, ...(externalData.length > 0 ? { externalData } : {}) };
      const session = await InferenceSession.create(model, options).catch((cause: unknown) => {
        throw sessionError(cause);
      });
      return wrap(session);
    },
  };
}

async function wholeFile(source: ByteSource): Promise<Uint8Array> {
  return source.filePath === undefined ? source.read(0, source.sizeBytes) : readFile(source.filePath);
}

function wrap(session: InferenceSession): Session {
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds) {
      const inputs = Object.fromEntries(Object.entries(feeds).map(([name, { dataType, dims, data }]) => [name, new Tensor(dataType as 'float32', data as Float32Array, dims)]));
      const outputs = await session.run(inputs).catch((cause: unknown) => {
        throw runError(cause);
      });
      return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, toEngine(tensor as Tensor)]));
    },
    release: () => session.release(),
  };
}

function toEngine(tensor: Tensor): EngineTensor {
  return { dataType: tensor.type as EngineType, dims: tensor.dims, data: tensor.data as EngineArray };
}
