/**
 * onnxruntime-node on the CPU, for the command line and tests. Weights files that lie under one folder are opened
 * by the runtime itself and mapped into memory; others are read whole.
 */
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ByteSource } from '../onnx/ByteSource';
import { createMutex } from './mutex';
import type { Runtime, Session, SessionModel } from './Runtime';
import { runError, sessionError } from './runtimeErrors';
import { fromRuntimeTensor, toRuntimeTensor } from './tensors';

export interface NodeRuntimeOptions {
  /** Threads of one operator; absent: one per core. */
  readonly threads?: number;
}

export function nodeRuntime(options: NodeRuntimeOptions = {}): Runtime {
  const exclusively = createMutex();
  return {
    backend: 'node',
    capacityBytes: Infinity,
    createSession: (model) => exclusively(() => createSession(model, options, exclusively)),
  };
}

async function createSession(
  model: SessionModel,
  { threads }: NodeRuntimeOptions,
  exclusively: ReturnType<typeof createMutex>,
): Promise<Session> {
  let session: InferenceSession | undefined;
  try {
    session = await InferenceSession.create(model.modelBytes, {
      executionProviders: ['cpu'],
      logSeverityLevel: 4, // what fails is thrown; the runtime's own lines would be beside it on stderr
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
      ...(await externalOptions(model.externalData)),
    });
  } catch (thrown) {
    throw sessionError(thrown, model.what);
  }
  return {
    run: (feeds, fetches) =>
      exclusively(async () => {
        if (!session) throw runError(new Error('the session was released'), model.what);
        try {
          const given = Object.fromEntries(
            Object.entries(feeds).map(([name, tensor]) => [name, toRuntimeTensor(Tensor, tensor)]),
          );
          const outputs = await session.run(given, fetches);
          return Object.fromEntries(
            await Promise.all(fetches.map(async (name) => [name, await fromRuntimeTensor(outputs[name]!)] as const)),
          );
        } catch (thrown) {
          throw runError(thrown, model.what);
        }
      }),
    release: () =>
      exclusively(async () => {
        await session?.release();
        session = undefined;
      }),
  };
}

async function externalOptions(sources: ReadonlyMap<string, ByteSource>): Promise<InferenceSession.SessionOptions> {
  if (sources.size === 0) return {};
  const folder = commonFolder(sources);
  if (folder !== undefined) return { extra: { 'session.model_external_initializers_file_folder_path': folder } };
  const externalData = await Promise.all(
    [...sources].map(async ([path, source]) => ({ path, data: await source.read(0, source.sizeBytes) })),
  );
  return { externalData };
}

/** The folder in which every location is the file of its source; undefined when there is none. */
function commonFolder(sources: ReadonlyMap<string, ByteSource>): string | undefined {
  let folder: string | undefined;
  for (const [location, { filePath }] of sources) {
    if (filePath === undefined || !filePath.endsWith(location)) return undefined;
    const own = filePath.slice(0, filePath.length - location.length);
    if (join(own, location) !== filePath || (folder !== undefined && own !== folder)) return undefined;
    folder = own;
  }
  return folder;
}
