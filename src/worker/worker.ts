/**
 * The worker: one pipeline at a time behind one queue. What the page holds (plan, settings) never lives here, so a
 * lost device costs no more than a new session.
 */
import { StudioError } from '../errors/StudioError';
import { openFolder } from '../library/openFolder';
import type { WebBackend } from '../runtime/backend/webBackend';
import { openWebBackend } from '../runtime/backend/webBackend';
import type { PipelineRunner } from '../studio/openPipeline';
import { openPipeline } from '../studio/openPipeline';
import type { Handlers } from './jobQueue';
import { createJobQueue } from './jobQueue';
import type {
  BackendPreference,
  EngineCounters,
  OpenedPipeline,
  OpenProgress,
  OpenRequest,
  Reply,
  Request,
} from './protocol';

interface Opened {
  readonly request: OpenRequest;
  readonly backend: WebBackend;
  readonly runner: PipelineRunner;
}

const post = (reply: Reply): void => self.postMessage(reply);

let opened: Opened | undefined;
let deviceLosses = 0;
/** Counts of pipelines that are closed by now. */
let past = { sessionsCreated: 0, denoiserRuns: 0 };

async function open(
  request: OpenRequest,
  signal: AbortSignal | undefined,
  onProgress: (progress: OpenProgress) => void,
): Promise<OpenedPipeline> {
  const backend = await backendFor(request.backend, onProgress);
  // The pipeline that is open stays usable until the new one is there.
  const { folder, latentSize = {}, withoutRunning } = request;
  const runner = await openPipeline(await openFolder(folder), backend.runtime, {
    onProgress,
    latentSize,
    withoutRunning,
    ...(signal ? { signal } : {}),
  });
  await close(backend);
  opened = { request, backend, runner };
  const { description, tree, presets, fingerprint, cannotRun } = runner;
  return {
    description,
    tree,
    presets,
    fingerprint,
    status: backend.status,
    ...(cannotRun === undefined ? {} : { cannotRun }),
  };
}

/** The open pipeline's backend again where it is what was asked for: one device serves one model after the other. */
async function backendFor(
  preference: BackendPreference,
  onProgress: (progress: OpenProgress) => void,
): Promise<WebBackend> {
  if (opened?.request.backend === preference) return opened.backend;
  onProgress({ phase: 'self-test', what: 'WebGPU and WebAssembly', loadedBytes: 0, totalBytes: 0 });
  const backend = await openWebBackend(preference);
  void backend.lost.then((message) => onDeviceLost(backend, message));
  return backend;
}

async function close(next: WebBackend): Promise<void> {
  if (!opened) return;
  const { runner, backend } = opened;
  addPast(runner);
  opened = undefined;
  await runner.release();
  if (backend !== next) backend.dispose();
}

function addPast(runner: PipelineRunner): void {
  const { sessionsCreated, denoiserRuns } = runner.counters();
  past = { sessionsCreated: past.sessionsCreated + sessionsCreated, denoiserRuns: past.denoiserRuns + denoiserRuns };
}

function onDeviceLost(backend: WebBackend, message: string): void {
  if (opened?.backend !== backend) return; // given back on purpose
  deviceLosses++;
  console.warn(`The GPU device was lost: ${message}`);
  post({ type: 'status', status: backend.status, event: 'device-lost' });
  remaking = remake(opened);
}

/** A new device and new sessions for the same folder; the next job waits for it. */
let remaking: Promise<void> | undefined;

async function remake({ request, runner }: Opened): Promise<void> {
  addPast(runner);
  opened = undefined;
  const { status } = await open(request, undefined, () => undefined);
  post({ type: 'status', status, event: 'device-remade' });
}

async function running(): Promise<PipelineRunner> {
  await remaking;
  if (!opened) throw new StudioError('engine/no-pipeline', 'No model is open.');
  return opened.runner;
}

const handlers: Handlers = {
  open: (request, { signal, onProgress }) => open(request, signal, onProgress),
  summarise: async ({ plan }) => (await running()).summarise(plan),
  generate: async (request, context) => (await running()).generate(request, context),
  export: async (request, context) => (await running()).exportModel({ ...request, ...context }),
  counters: async (): Promise<EngineCounters> => {
    const now = opened?.runner.counters() ?? { sessionsCreated: 0, denoiserRuns: 0 };
    return {
      sessionsCreated: past.sessionsCreated + now.sessionsCreated,
      denoiserRuns: past.denoiserRuns + now.denoiserRuns,
      deviceLosses,
    };
  },
};

const take = createJobQueue(handlers, post, async (error) => {
  // The job learns of the loss first; the page may send it again once the device is remade.
  if (error.code === 'gpu/lost') await remaking?.catch(() => undefined);
});
self.addEventListener('message', ({ data }: MessageEvent<Request>) => take(data));
