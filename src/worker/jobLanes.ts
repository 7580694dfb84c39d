/**
 * Three lanes of jobs, beside questions that are answered at once. In each, jobs run one after the other in the order of
 * arrival. A measuring job waits at its `turn` until no interactive job runs or waits; a background job until none of
 * the two does and nothing is paused. A cancelled job that has not begun never begins. Knows messages and nothing of
 * what the jobs do.
 */
import { StudioError } from '../errors/StudioError';
import type { PipelineId } from '../studio/openedData';
import { FREE_JOBS, type JobName, type Jobs, LANES, type Lane, type Reply, type Request } from './protocol';

export interface JobContext<N extends JobName> {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Jobs[N]['progress']) => void;
  /**
   * Awaited by all but interactive jobs before every step: resolves when it is their turn. Rejects once cancelled.
   * `beforePausing` is awaited first where only the person's pause makes the job wait, whenever that pause comes.
   */
  readonly turn: (beforePausing?: () => Promise<void>) => Promise<void>;
  /** Whether no job of a lane that goes first ran since the last turn: what was timed since then counts. */
  readonly alone: () => boolean;
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
  /** Cancels every measuring and background job and waits for its end: before the pipeline that they work on is closed. */
  stopBackground(): Promise<void>;
}

type JobRequest = Extract<Request, { type: 'job' }>;
type Queue = Exclude<Lane, 'at-once'>;

interface TakenJob {
  readonly abort: AbortController;
  readonly lane: Lane;
  readonly begun: boolean;
}

/** Which lanes go before each. */
const BEFORE: Readonly<Record<Queue, readonly Queue[]>> = {
  interactive: [],
  measuring: ['interactive'],
  background: ['interactive', 'measuring'],
};

export function createJobLanes({ handlers, post, openPipeline, onError, lanes = LANES }: LaneOptions): JobLanes {
  const controllers = new Map<number, TakenJob>();
  const last: Record<Queue, Promise<void>> = {
    interactive: Promise.resolve(),
    measuring: Promise.resolve(),
    background: Promise.resolve(),
  };
  /** Jobs of each lane that run or wait, and how many it has begun. */
  const pending: Record<Queue, number> = { interactive: 0, measuring: 0, background: 0 };
  const taken: Record<Queue, number> = { interactive: 0, measuring: 0, background: 0 };
  let paused = false;
  let wake: (() => void)[] = [];

  const wakeAll = (): void => {
    const waiting = wake;
    wake = [];
    for (const resolve of waiting) resolve();
  };

  const queueOf = (job: JobName): Queue => {
    const lane = lanes[job];
    return lane === 'at-once' ? 'interactive' : lane; // nothing goes before either
  };

  const othersFirst = (lane: Queue): boolean => BEFORE[lane].some((first) => pending[first] > 0);
  const mustWait = (lane: Queue): boolean => othersFirst(lane) || (lane === 'background' && paused);
  const takenBefore = (lane: Queue): number => BEFORE[lane].reduce((sum, first) => sum + taken[first], 0);

  const turn = async (lane: Queue, signal: AbortSignal, beforePausing?: () => Promise<void>): Promise<void> => {
    let prepare = beforePausing;
    while (!signal.aborted && mustWait(lane)) {
      if (prepare && !othersFirst(lane)) {
        await prepare();
        prepare = undefined;
      } else await new Promise<void>((resolve) => wake.push(resolve));
    }
    signal.throwIfAborted();
  };

  const run = async ({ id, job, input, pipeline }: JobRequest, signal: AbortSignal): Promise<void> => {
    if (!begin(id)) return;
    const lane = queueOf(job);
    let takenAtTurn = takenBefore(lane);
    try {
      if (!FREE_JOBS.includes(job)) requirePipeline(pipeline, openPipeline());
      const handler = handlers[job] as (input: unknown, context: unknown) => Promise<unknown>;
      const output = await handler(input, {
        signal,
        onProgress: (progress: never) => {
          if (!signal.aborted) post({ type: 'progress', id, job, progress } as Reply);
        },
        turn: async (beforePausing?: () => Promise<void>) => {
          await turn(lane, signal, beforePausing);
          takenAtTurn = takenBefore(lane);
        },
        alone: () => takenBefore(lane) === takenAtTurn,
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

  /** False where it was cancelled before its turn came. */
  const begin = (id: number): boolean => {
    const waiting = controllers.get(id);
    if (waiting) controllers.set(id, { ...waiting, begun: true });
    return waiting !== undefined;
  };

  /** A job that has not begun ends at once, however long the one before it takes. */
  const onAbort = (id: number): void => {
    if (controllers.get(id)?.begun === false) {
      controllers.delete(id);
      post({ type: 'cancelled', id });
    }
    wakeAll();
  };

  const enqueue = (request: JobRequest): void => {
    const lane = lanes[request.job];
    const abort = new AbortController();
    controllers.set(request.id, { abort, lane, begun: false });
    abort.signal.addEventListener('abort', () => onAbort(request.id));
    if (lane === 'at-once') {
      void run(request, abort.signal);
      return;
    }
    pending[lane]++;
    taken[lane]++;
    last[lane] = last[lane]
      .then(() => turn(lane, abort.signal).catch(() => undefined))
      .then(() => run(request, abort.signal))
      .finally(() => {
        if (--pending[lane] === 0) wakeAll();
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
      for (const { abort, lane } of controllers.values())
        if (lane === 'background' || lane === 'measuring') abort.abort();
      await Promise.all([last.background, last.measuring]);
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
