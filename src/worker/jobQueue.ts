/**
 * One job at a time, in the order of arrival; a cancelled job that has not begun never begins. Knows messages and
 * nothing of what the jobs do.
 */
import { StudioError } from '../errors/StudioError';
import type { JobName, Jobs, Reply, Request } from './protocol';

export interface JobContext<N extends JobName> {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Jobs[N]['progress']) => void;
}

export type Handlers = {
  readonly [N in JobName]: (input: Jobs[N]['input'], context: JobContext<N>) => Promise<Jobs[N]['output']>;
};

/** Returns what takes the page's messages. `onError` hears of failures before the page does (to remake a lost device). */
export function createJobQueue(
  handlers: Handlers,
  post: (reply: Reply) => void,
  onError: (error: StudioError) => Promise<void>,
): (request: Request) => void {
  const controllers = new Map<number, AbortController>();
  let last: Promise<void> = Promise.resolve();

  const run = async (request: Extract<Request, { type: 'job' }>, signal: AbortSignal): Promise<void> => {
    const { id, job, input } = request;
    try {
      signal.throwIfAborted();
      const handler = handlers[job] as (input: unknown, context: unknown) => Promise<unknown>;
      const output = await handler(input, {
        signal,
        onProgress: (progress: never) => post({ type: 'progress', id, job, progress } as Reply),
      });
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

  return (request) => {
    if (request.type === 'cancel') {
      controllers.get(request.id)?.abort();
      return;
    }
    const controller = new AbortController();
    controllers.set(request.id, controller);
    last = last.then(() => run(request, controller.signal));
  };
}
