/** The page's side of the worker: one method a job, each with an AbortSignal; errors arrive as they were thrown. */
import { StudioError } from '../errors/StudioError';
import type { EngineClient, JobName, Jobs, Reply, Request } from './protocol';

interface Waiting {
  readonly resolve: (output: never) => void;
  readonly reject: (reason: unknown) => void;
  readonly onProgress?: (progress: never) => void;
}

type StatusListener = (reply: Extract<Reply, { type: 'status' }>) => void;

const JOB_NAMES: readonly JobName[] = ['open', 'summarise', 'generate', 'export', 'counters'];

export function createEngineClient(): EngineClient {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' });
  const waiting = new Map<number, Waiting>();
  const listeners = new Set<StatusListener>();
  let nextId = 1;

  worker.addEventListener('message', ({ data: reply }: MessageEvent<Reply>) => {
    if (reply.type === 'status') {
      for (const listener of listeners) listener(reply);
      return;
    }
    const job = waiting.get(reply.id);
    if (!job) return; // its promise was settled by an abort
    if (reply.type === 'progress') {
      job.onProgress?.(reply.progress as never);
      return;
    }
    waiting.delete(reply.id);
    if (reply.type === 'done') job.resolve(reply.output as never);
    else if (reply.type === 'cancelled') job.reject(abortError());
    else job.reject(StudioError.fromPlain(reply.error));
  });
  worker.addEventListener('error', (event) => {
    const error = new StudioError(
      'internal',
      `The engine stopped: ${event.message || 'its worker could not be loaded'}. Reload the page.`,
    );
    for (const job of waiting.values()) job.reject(error);
    waiting.clear();
  });

  const start = <N extends JobName>(
    job: N,
    input: Jobs[N]['input'],
    options: { signal?: AbortSignal; onProgress?: (progress: Jobs[N]['progress']) => void } = {},
  ) =>
    new Promise<Jobs[N]['output']>((resolve, reject) => {
      const { signal, onProgress } = options;
      if (signal?.aborted) {
        reject(abortError());
        return;
      }
      const id = nextId++;
      waiting.set(id, { resolve, reject, ...(onProgress ? { onProgress } : {}) });
      signal?.addEventListener(
        'abort',
        () => waiting.has(id) && worker.postMessage({ type: 'cancel', id } satisfies Request),
        { once: true },
      );
      worker.postMessage({ type: 'job', id, job, input } as Request);
    });

  const methods = Object.fromEntries(
    JOB_NAMES.map((job) => [job, (input: never, options: never) => start(job, input, options)]),
  );
  return {
    ...(methods as unknown as Pick<EngineClient, JobName>),
    onStatus(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    dispose() {
      worker.terminate();
      for (const job of waiting.values()) job.reject(abortError());
      waiting.clear();
    },
  };
}

function abortError(): DOMException {
  return new DOMException('The job was cancelled.', 'AbortError');
}
