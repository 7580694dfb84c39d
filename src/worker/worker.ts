/**
 * The worker: one pipeline at a time behind two lanes of jobs. What the page holds (plan, settings) never lives here,
 * so a lost device costs no more than new sessions: the pipeline keeps its id, and jobs that wait go on with it.
 */

import { publishedCuts } from '../blocks/presets';
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import { openFolder } from '../library/openFolder';
import type { WebBackend } from '../runtime/backend/webBackend';
import { living, openWebBackend, runtimeIsIdle } from '../runtime/backend/webBackend';
import type { OnBusy } from '../runtime/webRuntime';
import { checkComponentIds } from '../studio/checkComponentIds';
import { clipScores } from '../studio/clipScores';
import { decoderUnits, measureDecoderImportance } from '../studio/decoderImportance';
import { measureImportance } from '../studio/importance';
import { measureGrid } from '../studio/measureGrid';
import { measureTimes } from '../studio/measureTimes';
import { openPipeline } from '../studio/openPipeline';
import type { Pipeline } from '../studio/Pipeline';
import { perceivedDifference } from '../studio/perceivedDifference';
import { planCuts } from '../studio/planCuts';
import { unitsOf } from '../studio/units';
import type { Variant } from '../studio/Variant';
import { runHealing } from './healJob';
import { openHealStore } from './healStore';
import type { Handlers, JobContext } from './jobLanes';
import { createJobLanes } from './jobLanes';
import { healedNames, isPerhapsKept, type PipelineName, pipelineName } from './pipelineName';
import type {
  BackendPreference,
  EngineCounters,
  OpenedPipeline,
  OpenReport,
  OpenRequest,
  PipelineId,
  Reply,
  Request,
} from './protocol';
import { loadStoredWeights } from './storedWeights';

interface Opened {
  readonly id: PipelineId;
  readonly request: OpenRequest;
  readonly backend: WebBackend;
  readonly pipeline: Pipeline;
  readonly name: PipelineName;
}

const post = (reply: Reply): void => self.postMessage(reply);
let busySinceMs = 0;
const onBusy: OnBusy = (busy, call) => {
  if (busy) {
    busySinceMs = performance.now();
    post({ type: 'busy', busy, ...(call ? { call } : {}) });
  } else post({ type: 'busy', busy, tookMs: performance.now() - busySinceMs });
};

/** The runtime asks something of the GPU; the page hears of it now and then. */
const onCommand = (): void => {
  const nowMs = performance.now();
  if (nowMs - toldOfCommandsAtMs < TELL_OF_COMMANDS_EVERY_MS) return;
  toldOfCommandsAtMs = nowMs;
  post({ type: 'getting-on' });
};
const TELL_OF_COMMANDS_EVERY_MS = 500;
let toldOfCommandsAtMs = 0;

let opened: Opened | undefined;
/** The backend made last: that of the open pipeline, or of one that is being opened. */
let newest: WebBackend | undefined;
let openedCount = 0;
let deviceLosses = 0;
let fingerprintsMade = 0;
/** The page wants the best of the healing that runs. */
let healingToEnd = false;
/** Counts of pipelines that are closed by now. */
let past = { sessionsCreated: 0, denoiserRuns: 0 };
/** A new device and new sessions for the same folder; the next job waits for it. */
let recovering: Promise<void> | undefined;

async function open(request: OpenRequest, context: JobContext<'open'>): Promise<OpenedPipeline> {
  const healed = healedNames();
  const made = await openAnyhow(request, context);
  const name = await nameOf(made, await healed);
  await lanes.stopBackground();
  if (context.signal.aborted) {
    await discard(made);
    context.signal.throwIfAborted();
  }
  // From here to the reply no message can come in: what the page is told is what is installed.
  const before = opened;
  opened = { ...made, name, id: `${name.outline.slice(0, 16)}-${++openedCount}` };
  if (before) void close(before, opened.backend);
  return describe(opened);
}

type Made = Omit<Opened, 'id' | 'name'>;

const onNamed = (): void => void fingerprintsMade++;

/**
 * The name is made at once where something that this browser keeps may be of this model. Weights files may have been
 * changed since they were opened: what was made is given back then.
 */
async function nameOf(made: Made, healed: readonly string[] | null): Promise<PipelineName> {
  try {
    const name = await pipelineName(made.pipeline, { onNamed });
    const { kept = { fingerprints: [], outlines: {} } } = made.request;
    if (isPerhapsKept(name, kept, healed)) await name.get();
    return name;
  } catch (thrown) {
    await discard(made);
    throw thrown;
  }
}

/** How often a device may go while a model opens, before WebAssembly is taken. */
const DEVICE_ATTEMPTS = 3;

/** Opens on the wanted backend; on another device where one is lost meanwhile, in the end without any. */
async function openAnyhow(
  request: OpenRequest,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (report: OpenReport) => void },
): Promise<Made> {
  for (let attempt = 1; ; attempt++) {
    const backend = backendFor(attempt > DEVICE_ATTEMPTS ? 'wasm' : request.backend, onProgress);
    try {
      return await openOn(backend, request, { signal, onProgress });
    } catch (thrown) {
      const unused = (made: WebBackend) => made !== opened?.backend && made.dispose();
      void backend.then(unused, () => undefined); // where it could not be made, there is nothing to give back
      const lost = thrown instanceof StudioError && thrown.code === 'gpu/lost';
      if (!lost || attempt > DEVICE_ATTEMPTS || signal?.aborted) throw thrown;
      deviceLosses++;
    }
  }
}

/** The folder is read while the backend is on its way: the map does not wait for it. */
async function openOn(
  backend: Promise<WebBackend>,
  request: OpenRequest,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (report: OpenReport) => void },
): Promise<Made> {
  const { folder, latentSize = {}, withoutRunning } = request;
  const runtime = backend.then((made) => made.runtime);
  runtime.catch(() => undefined); // told by `openPipeline`, unless the folder fails first
  const pipeline = await openPipeline(await openFolder(folder, signal), runtime, {
    ...(onProgress ? { onProgress } : {}),
    latentSize,
    withoutRunning,
    ...(signal ? { signal } : {}),
    onMapped: (mapped) => onProgress?.({ phase: 'mapped', mapped }),
  });
  return { request, backend: await backend, pipeline };
}

function describe({ id, pipeline, backend, name }: Opened): OpenedPipeline {
  const { description, denoiser, decoder, cannotRun } = pipeline;
  return {
    id,
    description,
    tree: denoiser.tree,
    presets: denoiser.presets,
    ...(decoder ? { decoder: { tree: decoder.tree, presets: decoder.presets } } : {}),
    fingerprint: name.known(),
    outline: name.outline,
    status: backend.status,
    ...(cannotRun === undefined ? {} : { cannotRun }),
  };
}

/** The open pipeline's backend again where it is what was asked for: one device serves one model after the other. */
async function backendFor(
  preference: BackendPreference,
  onProgress?: (report: OpenReport) => void,
): Promise<WebBackend> {
  if (opened?.request.backend === preference && !opened.backend.isLost()) return opened.backend;
  onProgress?.({ phase: 'self-test', what: 'WebGPU and WebAssembly', loadedBytes: 0, totalBytes: 0 });
  const backend = await openWebBackend(preference, onBusy, onCommand);
  newest = backend;
  void backend.lost.then((message) => onDeviceLost(backend, message));
  return backend;
}

async function discard({ backend, pipeline }: Made): Promise<void> {
  await pipeline.release();
  if (backend !== opened?.backend) backend.dispose();
}

/** Never rejects: what is closed is not needed any more, and a lost device has nothing left to release. */
async function close({ pipeline, backend }: Opened, next: WebBackend | undefined): Promise<void> {
  addPast(pipeline);
  await pipeline.release().catch((thrown: unknown) => console.warn('Releasing a closed model failed.', thrown));
  if (backend !== next) backend.dispose();
}

function addPast(pipeline: Pipeline): void {
  const { sessionsCreated, denoiserRuns } = pipeline.counters();
  past = {
    sessionsCreated: past.sessionsCreated + sessionsCreated,
    denoiserRuns: past.denoiserRuns + denoiserRuns,
  };
}

function onDeviceLost(backend: WebBackend, message: string): void {
  if (opened?.backend !== backend) return; // given back on purpose, or lost while opening, which tries again
  deviceLosses++;
  console.warn(`The GPU device was lost: ${message}`);
  post({ type: 'status', status: backend.status, event: 'device-lost' });
  recovering = recover(opened).finally(() => {
    recovering = undefined;
  });
  recovering.catch(() => undefined); // told to the page in `recover`
}

/** How long a call into the runtime may outlive its device before the worker counts as hung. */
const HUNG_AFTER_MS = 5_000;

async function recover(lost: Opened): Promise<void> {
  if (!(await runtimeIsIdle(HUNG_AFTER_MS))) {
    post({ type: 'hung' }); // the page ends this worker and starts another
    return;
  }
  await close(lost, undefined);
  try {
    const made = await openAnyhow(lost.request, {});
    await takeWeights(made.pipeline, lost.pipeline).catch(async (thrown: unknown) => {
      await discard(made);
      throw thrown;
    });
    const name = await pipelineName(made.pipeline, { known: lost.name.known(), onNamed });
    opened = { ...made, id: lost.id, name };
    post({ type: 'status', status: made.backend.status, event: 'device-remade', opened: describe(opened) });
  } catch (thrown) {
    opened = undefined;
    post({ type: 'status', event: 'device-remade', problem: StudioError.from(thrown).toPlain() });
  }
}

/** Weights that were added to a pipeline, added to another of the same model. */
async function takeWeights(to: Pipeline, { denoiser, decoder }: Pipeline): Promise<void> {
  for (const component of decoder ? [denoiser, decoder] : [denoiser])
    for (const tensors of component.addedWeights().values()) await to.component(component.id).addWeights(tensors);
}

async function running(): Promise<Pipeline> {
  await recovering;
  if (!opened) throw new StudioError('engine/no-pipeline', 'No model is open.');
  return opened.pipeline;
}

/** With the weights of these variants, which a restarted worker has to read again. */
async function runningWith(variants: readonly Variant[]): Promise<Pipeline> {
  const pipeline = await running();
  for (const variant of variants) await loadStoredWeights(pipeline, present(opened).name, variant);
  return pipeline;
}

const handlers: Handlers = {
  open: async (request, context) => {
    await recovering;
    return open(request, context);
  },
  fingerprint: async () => {
    await running();
    return present(opened).name.get();
  },
  summarise: async ({ plan }) => (await running()).summarise(plan),
  sample: async (request, context) =>
    (await runningWith(request.takes.map(({ variant }) => variant))).sample(request, context),
  export: async (request, context) => (await runningWith([request.variant])).exportStudent(request, context),
  times: async (request, context) =>
    measureTimes(await runningWith([request.reference, request.candidate]), request, context),
  analyze: async ({ units, settings, except, final, times }, context) => {
    const pipeline = await running();
    const all = units === 'decoder' ? decoderUnits(pipeline) : unitsOf(pipeline.denoiser.tree, units);
    const wanted = all.filter(({ id }) => !except.includes(id));
    const options = { ...context, final, times };
    return units === 'decoder'
      ? measureDecoderImportance(pipeline, wanted, settings, options)
      : measureImportance(pipeline, wanted, settings, options);
  },
  plan: async (request, context) => {
    const pipeline = await running();
    const { tree } = pipeline.denoiser;
    const units = unitsOf(tree, request.units);
    return planCuts(pipeline, { ...request, units, presets: publishedCuts(tree) }, context);
  },
  grid: async (request, context) => measureGrid(await runningWith(request.variants), request, context),
  features: async (request, context) => {
    const { measureFeatures } = await import('../studio/measureFeatures'); // few ask for it, and its algebra is large
    return measureFeatures(await runningWith(request.variants), request, { ...context, onBusy });
  },
  checkIds: async ({ component }, context) => checkComponentIds(await running(), component, context),
  perceived: (request, context) => perceivedDifference(request, context),
  scores: (request, context) => clipScores(request, context),
  heal: async (request, context) => {
    healingToEnd = false;
    const pipeline = await running();
    return runHealing(pipeline, present(opened).name, request, { ...context, onBusy, finish: () => healingToEnd });
  },
  finishHealing: async () => {
    healingToEnd = true;
    return null;
  },
  listStored: async () => (await openHealStore()).list(),
  deleteStored: async (request) => {
    const { students, checkpoints } = await openHealStore();
    await (request.kind === 'student' ? students.remove(request.weights) : checkpoints.remove(request.id));
    return null;
  },
  counters: async (): Promise<EngineCounters> => {
    const now = opened?.pipeline.counters() ?? { sessionsCreated: 0, denoiserRuns: 0 };
    const traffic = opened?.backend.runtime.traffic ?? { toDeviceBytes: 0, fromDeviceBytes: 0 };
    return {
      sessionsCreated: past.sessionsCreated + now.sessionsCreated,
      denoiserRuns: past.denoiserRuns + now.denoiserRuns,
      sessionsLiving: living().sessions,
      devicesLiving: living().devices,
      deviceLosses,
      fingerprintsMade,
      movedBytes: traffic.toDeviceBytes + traffic.fromDeviceBytes,
    };
  },
};

const lanes = createJobLanes({
  handlers,
  post,
  openPipeline: () => opened?.id,
  onError: async (error) => {
    // The job learns of the loss first; the page may send it again once the device is remade.
    if (error.code === 'gpu/lost') await recovering;
  },
});

self.addEventListener('message', ({ data }: MessageEvent<Request>) => {
  if (data.type === 'lose-device') newest?.lose();
  else lanes.take(data);
});

/** The browser frees it when this worker ends, also in the middle of a call: how the page learns of it. */
async function holdLock(): Promise<void> {
  const lock = `vdmini-engine ${crypto.randomUUID()}`;
  await navigator.locks.request(lock, () => {
    post({ type: 'alive', lock });
    return new Promise(() => undefined);
  });
}

if (self.isSecureContext) void holdLock();
post({ type: 'pong' }); // loaded
