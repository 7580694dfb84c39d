/**
 * The bench's page: hands calls to the worker, with the files that were put into its input as the model's weights. Driven by
 * `openTabRuntime` through `window.bench`.
 */
import type { BenchCall, BenchResult } from './worker';

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
let last: Promise<unknown> = Promise.resolve();

function call(request: BenchCall): Promise<BenchResult> {
  const answer = last.then(
    () =>
      new Promise<BenchResult>((resolve, reject) => {
        worker.onmessage = ({ data }: MessageEvent<{ result: BenchResult } | { error: string }>) =>
          'error' in data ? reject(new Error(data.error)) : resolve(data.result);
        const files = document.querySelector('input')!.files!;
        worker.postMessage({ ...request, weights: [...files] });
      }),
  );
  last = answer.catch(() => undefined);
  return answer;
}

Object.assign(window, { bench: call });
