/**
 * Two lanes of jobs, beside questions that are answered at once. Interactive jobs run one after the other in the order of arrival; background ones likewise, beside
 * them, and each waits at its `turn` until no interactive job runs or waits and nothing is paused. A cancelled job that
 * has not begun never begins. Knows messages and nothing of what the jobs do.
 */
import { StudioError } from '../errors/StudioError';
import type { PipelineId } from '../studio/openedData';
import { FREE_JOBS, type JobName, type Jobs, LANES, type Lane, type Reply, type Request } from './protocol';

export interface JobContext<N extends JobName> {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Jobs[N]['progress']) => void;
  /** Awaited by background jobs after every step: resolves when it is their turn again. Rejects once cancelled. */
  readonly turn: () => Promise<void>;
}

export type Handlers = {
  readonly [N in JobName]: (input: Jobs[N]['input'], context: JobContext<N>) => Promise<Jobs[N]['output']>;
};

export interface LaneOptions {
  readonly handlers: Handlers;
  readonly post: (reply: Reply) => void;
  /** The pipeline that is open, undefined where none is. */
  readonly openPipeline: () => PipelineId | undefined;
  /** Hears of failures before the page does (to remake a lost device). */
  readonly onError: (error: StudioError) => Promise<void>;
  /** Which lane each job is in. */
  readonly lanes?: Readonly<Record<JobName, Lane>>;
}

export interface JobLanes {
  /** What takes the page's messages. */
  take(request: Request): void;
  /** Cancels every background job and waits for its end: before the pipeline that they work on is closed. */
  stopBackground(): Promise<void>;
}

type JobRequest = Extract<Request, { type: 'job' }>;

export function createJobLanes({ handlers, post, openPipeline, onError, lanes = LANES }: LaneOptions): JobLanes {
  const controllers = new Map<number, { readonly abort: AbortController; readonly lane: Lane }>();
  const last: Record<Exclude<Lane, 'at-once'>, Promise<void>> = {
    interactive: Promise.resolve(),
    background: Promise.resolve(),
  };
  let interactive = 0; // running or waiting
  let paused = false;
  let wake: (() => void)[] = [];

  const wakeAll = (): void => {
    const waiting = wake;
    wake = [];
    for (const resolve of waiting) resolve();
  };

  const turn = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted && (interactive > 0 || paused)) await new Promise<void>((resolve) => wake.push(resolve));
    signal.throwIfAborted();
  };

  const run = async ({ id, job, input, pipeline }: JobRequest, signal: AbortSignal): Promise<void> => {
    try {
      signal.throwIfAborted();
      if (!FREE_JOBS.includes(job)) requirePipeline(pipeline, openPipeline());
      const handler = handlers[job] as (input: unknown, context: unknown) => Promise<unknown>;
      const output = await handler(input, {
        signal,
        onProgress: (progress: never) => {
          if (!signal.aborted) post({ type: 'progress', id, job, progress } as Reply);
        },
        turn: () => turn(signal),
      });
      signal.throwIfAborted();
      post({ type: 'done', id, job, output } as Reply);
    } catch (thrown) {
      if (signal.aborted || (thrown instanceof DOMException && thrown.name === 'AbortError')) {
        post({ type: 'cancelled', id });
        return;
      }
      const error = StudioError.from(thrown);
      await onError(error);
      post({ type: 'failed', id, error: error.toPlain() });
    } finally {
      controllers.delete(id);
    }
  };

  const enqueue = (request: JobRequest): void => {
    const lane = lanes[request.job];
    const abort = new AbortController();
    controllers.set(request.id, { abort, lane });
    abort.signal.addEventListener('abort', wakeAll);
    if (lane === 'at-once') {
      void run(request, abort.signal);
      return;
    }
    if (lane === 'interactive') interactive++;
    last[lane] = last[lane]
      .then(() => (lane === 'background' ? turn(abort.signal).catch(() => undefined) : undefined))
      .then(() => run(request, abort.signal))
      .finally(() => {
        if (lane === 'interactive' && --interactive === 0) wakeAll();
      });
  };

  return {
    take(request) {
      if (request.type === 'job') enqueue(request);
      else if (request.type === 'cancel') controllers.get(request.id)?.abort.abort();
      else if (request.type === 'pause') {
        paused = request.paused;
        wakeAll();
      } else post({ type: 'pong' });
    },
    async stopBackground() {
      for (const { abort, lane } of controllers.values()) if (lane === 'background') abort.abort();
      await last.background;
    },
  };
}

/** Throws `engine/no-pipeline` and `engine/other-pipeline`. */
function requirePipeline(wanted: PipelineId | undefined, open: PipelineId | undefined): void {
  if (open === undefined) throw new StudioError('engine/no-pipeline', 'No model is open.');
  if (wanted !== open)
    throw new StudioError('engine/other-pipeline', 'This was asked of a model that is not open any more.', {
      wanted: wanted ?? '',
      open,
    });
}
