/**
 * The page's side of the worker: one method a job, each with an AbortSignal; errors arrive as they were thrown. It
 * watches the worker: one that died, hangs or does not heed a cancel is ended, another is started, and the model that
 * was open is opened again. What was asked meanwhile is rejected with `engine/stopped`, never left waiting.
 */
import { StudioError } from '../errors/StudioError';
import {
  type EngineClient,
  FREE_JOBS,
  type JobName,
  type JobOptions,
  type Jobs,
  LANES,
  type OpenedPipeline,
  type OpenRequest,
  type Reply,
  type Request,
  type StatusReply,
  SUPERSEDED,
} from './protocol';
import {
  PATIENCE,
  type Patience,
  type WatchedJob,
  type WatchOptions,
  type WorkerEnd,
  watchWorker,
} from './watchWorker';
import workerUrl from './worker.ts?worker&url';

/** What is used of a Worker; tests give one of their own. */
export interface WorkerLike {
  postMessage(request: Request): void;
  terminate(): void;
  addEventListener(type: 'message', listener: (event: { readonly data: Reply }) => void): void;
  addEventListener(type: 'error', listener: (event: { readonly message?: string }) => void): void;
}

/** Starts within a minute after which the engine is given up: a model that kills it again and again. */
const MOST_RESTARTS = 4;

interface Waiting extends WatchedJob {
  readonly resolve: (output: never) => void;
  readonly reject: (reason: unknown) => void;
  readonly onProgress: ((progress: never) => void) | undefined;
  /** Sends it to the next worker, once: an opening may have waited behind what ended the first. */
  readonly again?: () => void;
  cancelledAtMs?: number;
  superseded: boolean;
  preparing: boolean;
}

/** An opening that nobody cancelled and that was sent once. */
const canGoAgain = (entry: Waiting): entry is Waiting & { readonly again: () => void } =>
  entry.again !== undefined && entry.cancelledAtMs === undefined;

interface LastOpen {
  readonly request: OpenRequest;
  readonly opened: OpenedPipeline;
}

/**
 * By way of a Blob: a worker that is loaded from its address has the content security policy of that response, which a
 * plain file server does not send; one from a Blob has the page's.
 */
const startWorker = (): WorkerLike => {
  const module = `import ${JSON.stringify(new URL(workerUrl, import.meta.url).href)};`;
  const url = URL.createObjectURL(new Blob([module], { type: 'text/javascript' }));
  return new Worker(url, { type: 'module', name: 'engine' });
};

export function createEngineClient(
  start: () => WorkerLike = startWorker,
  patience: Patience = PATIENCE,
  lockFreed?: WatchOptions['lockFreed'],
): EngineClient {
  const waiting = new Map<number, Waiting>();
  const listeners = new Set<(reply: StatusReply) => void>();
  let nextId = 1;
  let worker: WorkerLike;
  let last: LastOpen | undefined;
  let restartsAtMs: number[] = [];
  let restarting: Promise<void> | undefined;
  let givenUp: StudioError | undefined;
  let paused = false;
  /** Ended in a call that did not come back, since a job was done last. */
  let stuckEnds = 0;

  const tell = (reply: StatusReply): void => {
    for (const listener of listeners) listener(reply);
  };

  const onReply = (from: WorkerLike, reply: Reply): void => {
    if (from !== worker) return; // the last words of a worker that was ended
    watch.hear(reply);
    if (reply.type === 'status') {
      if (last && reply.opened) last = { ...last, opened: reply.opened };
      if (reply.event === 'device-remade') watch.forgetCalls();
      tell(reply);
    } else if ('id' in reply) settle(reply);
  };

  const settle = (reply: Extract<Reply, { id: number }>): void => {
    const job = waiting.get(reply.id);
    if (!job) return;
    if (reply.type === 'progress') {
      if (reply.job === 'heal') job.preparing = reply.progress.phase === 'graphs' || reply.progress.phase === 'repair';
      if (job.cancelledAtMs === undefined) job.onProgress?.(reply.progress as never);
      return;
    }
    waiting.delete(reply.id);
    if (reply.type === 'done') {
      if (reply.job === 'sample') stuckEnds = 0;
      job.resolve(reply.output as never);
    } else if (reply.type === 'cancelled') job.reject(abortError());
    else job.reject(StudioError.fromPlain(reply.error));
  };

  const launch = (): void => {
    const own = start();
    worker = own;
    watch.begin();
    own.addEventListener('message', ({ data }) => onReply(own, data));
    own.addEventListener('error', ({ message }) => {
      if (own === worker) restart(message || 'its worker could not be loaded', 'died');
    });
    if (paused) own.postMessage({ type: 'pause', paused });
  };

  /** Ends the worker; what was asked of it is rejected, what was cancelled counts as cancelled. */
  const restart = (why: string, end: WorkerEnd): void => {
    worker.terminate();
    if (end === 'stuck') stuckEnds++;
    const stayIdle = end === 'stopped' || stuckEnds > 1;
    const error = new StudioError('engine/stopped', `The engine stopped: ${why}.`, { why });
    const ended = [...waiting.values()];
    waiting.clear();
    const opening = ended.find(canGoAgain);
    for (const one of ended) {
      if (one !== opening) one.reject(one.cancelledAtMs === undefined ? error : abortError());
    }
    const nowMs = performance.now();
    restartsAtMs = restartsAtMs.filter((atMs) => nowMs - atMs < 60_000);
    if (end !== 'stopped') restartsAtMs.push(nowMs); // a person may stop as often as they like
    if (restartsAtMs.length > MOST_RESTARTS) {
      givenUp = new StudioError(
        'engine/stopped',
        `The engine stopped ${restartsAtMs.length} times within a minute: ${why}. Reload the page.`,
        { why },
      );
      watch.stop();
      opening?.reject(givenUp);
      tell({ type: 'status', event: 'worker-restarted', problem: givenUp.toPlain() });
      return;
    }
    tell({ type: 'status', event: 'worker-restarting' });
    launch();
    if (opening) opening.again();
    else restarting = reopen(stayIdle);
  };

  const reopen = async (stayIdle: boolean): Promise<void> => {
    const before = last;
    if (!before) {
      tell({ type: 'status', event: 'worker-restarted', stayIdle });
      return;
    }
    last = undefined;
    try {
      const opened = await send('open', before.request);
      last = { request: before.request, opened };
      tell({ type: 'status', status: opened.status, event: 'worker-restarted', opened, stayIdle });
    } catch (thrown) {
      if (hasStopped(thrown)) last = before; // the next start tries again
      tell({ type: 'status', event: 'worker-restarted', problem: StudioError.from(thrown).toPlain() });
    } finally {
      restarting = undefined;
    }
  };

  const send = <N extends JobName>(
    job: N,
    input: Jobs[N]['input'],
    options: JobOptions<N> = {},
    retried = job !== 'open',
  ) =>
    new Promise<Jobs[N]['output']>((resolve, reject) => {
      const { signal, onProgress } = options;
      if (signal?.aborted) return reject(abortError());
      if (givenUp) return reject(givenUp);
      const id = nextId++;
      const again = () =>
        void send(job, input, options, true).then(resolve, (thrown: unknown) => {
          reject(thrown);
          if (!hasStopped(thrown)) restarting ??= reopen(false); // what was open before is not open in this worker
        });
      const preparing = job === 'open' || job === 'heal';
      const entry: Waiting = {
        ...{ job, resolve, reject, onProgress, preparing, superseded: false },
        ...(retried ? {} : { again }),
      };
      waiting.set(id, entry);
      signal?.addEventListener(
        'abort',
        () => {
          if (!waiting.has(id)) return;
          entry.cancelledAtMs = watch.nowMs();
          entry.superseded = signal.reason === SUPERSEDED;
          worker.postMessage({ type: 'cancel', id });
          // The page is not kept waiting; whether the worker is, the watch decides.
          setTimeout(() => reject(abortError()), patience.cancelMs);
        },
        { once: true },
      );
      const pipeline = FREE_JOBS.includes(job) ? undefined : last?.opened.id;
      worker.postMessage({ type: 'job', id, job, pipeline, input } as Request);
    });

  const run = async <N extends JobName>(job: N, input: Jobs[N]['input'], options?: JobOptions<N>) => {
    // A job of the model that is being opened again waits for it; a new model need not.
    // Not awaited for nothing: the message would wait until the page has drawn what was just written to the store.
    if (restarting && job !== 'open') await restarting;
    return send(job, input, options);
  };

  const openModel = async (request: OpenRequest, options?: JobOptions<'open'>): Promise<OpenedPipeline> => {
    watch.forgetCalls();
    const opened = await send('open', request, options);
    last = { request, opened };
    return opened;
  };

  const watch = watchWorker({
    patience,
    jobs: () => [...waiting.values()],
    ping: () => worker.postMessage({ type: 'ping' }),
    onEnd: restart,
    ...(lockFreed ? { lockFreed } : {}),
  });
  launch();
  const names = Object.keys(LANES) as JobName[];
  const methods = Object.fromEntries(
    names.map((job) => [job, (input: never, options: never) => run(job, input, options)]),
  );
  return {
    ...(methods as unknown as Pick<EngineClient, JobName>),
    open: openModel,
    pauseBackground(wanted) {
      paused = wanted;
      worker.postMessage({ type: 'pause', paused });
    },
    onStatus(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    loseDevice: () => worker.postMessage({ type: 'lose-device' }),
    dispose() {
      watch.stop();
      worker.terminate();
      for (const { reject } of waiting.values()) reject(abortError());
      waiting.clear();
    },
  };
}

const hasStopped = (thrown: unknown): boolean => thrown instanceof StudioError && thrown.code === 'engine/stopped';

const abortError = () => new DOMException('The job was cancelled.', 'AbortError');
