/**
 * onnxruntime-node, for the command line and tests: on the CPU unless told otherwise. Weights files that lie under one folder are opened
 * by the runtime itself and mapped into memory; others are read whole.
 */
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ByteSource } from '../onnx/ByteSource';
import { createMutex } from './mutex';
import type { NodeDevice } from './nodeDevices';
import type { Feeds, Outputs, Runtime, Session, SessionModel, Traffic } from './Runtime';
import { runError, sessionError } from './runtimeErrors';
import { fromRuntimeOutputs, toRuntimeFeeds } from './tensors';

export interface NodeRuntimeOptions {
  /** Threads of one operator; absent: one per core. */
  readonly threads?: number;
  /** What it computes on (default the CPU); what a device has no kernels for, it leaves to the CPU. Nothing is tried here. */
  readonly device?: NodeDevice;
  /** Operators that the device computes wrongly: see `Runtime.distrusted`. */
  readonly distrusted?: ReadonlySet<string>;
}

export function nodeRuntime(options: NodeRuntimeOptions = {}): Runtime {
  const exclusively = createMutex();
  const traffic: Traffic = { toDeviceBytes: 0, fromDeviceBytes: 0 };
  return {
    backend: !options.device || options.device === 'cpu' ? 'node' : options.device,
    capacityBytes: Infinity,
    refusal: () => undefined,
    traffic,
    distrusted: options.distrusted ?? new Set(),
    createSession: (model) => exclusively(() => createSession(model, options, exclusively, traffic)),
  };
}

async function createSession(
  model: SessionModel,
  { threads, device = 'cpu' }: NodeRuntimeOptions,
  exclusively: ReturnType<typeof createMutex>,
  traffic: Traffic,
): Promise<Session> {
  let made: InferenceSession;
  try {
    made = await InferenceSession.create(model.modelBytes, {
      executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
      ...(model.unoptimised ? { graphOptimizationLevel: 'disabled' as const } : {}),
      ...(model.unplannedMemory ? { enableMemPattern: false } : {}),
      logSeverityLevel: 4, // what fails is thrown; the runtime's own lines would be beside it on stderr
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
      ...(await externalOptions(model.externalData)),
    });
  } catch (thrown) {
    throw sessionError(thrown, model.what);
  }
  return sessionOf(made, model.what, model.stayOnDevice ?? [], exclusively, traffic);
}

/** Apart from `createSession`, so that a session does not keep the bytes of its file alive. */
function sessionOf(
  made: InferenceSession,
  what: string,
  staying: readonly string[],
  exclusively: ReturnType<typeof createMutex>,
  traffic: Traffic,
): Session {
  let session: InferenceSession | undefined = made;
  const runKeeping = (feeds: Feeds, fetches: readonly string[], kept: readonly string[]): Promise<Outputs> =>
    exclusively(async () => {
      if (!session) throw runError(new Error('the session was released'), what);
      try {
        const outputs = await session.run(toRuntimeFeeds(Tensor, feeds, traffic), fetches);
        return await fromRuntimeOutputs(outputs, fetches, kept, traffic);
      } catch (thrown) {
        throw runError(thrown, what);
      }
    });
  return {
    run: async (feeds, fetches) => (await runKeeping(feeds, fetches, [])).plain,
    runOnDevice: (feeds, fetches) => runKeeping(feeds, fetches, staying),
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
