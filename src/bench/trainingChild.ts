/**
 * A process that holds one graph and runs it when asked: forked by the "heal" part, on its own so that its peak memory is
 * that of the graph alone. Answers "run" with milliseconds and "peak" with megabytes; the first message is the graph.
 */
import { readFile } from 'node:fs/promises';
import { nodeRuntime } from '../runtime/nodeRuntime';
import type { Feeds, Session } from '../runtime/Runtime';

export interface GraphToRun {
  readonly path: string;
  readonly feeds: Feeds;
  readonly outputs: readonly string[];
  readonly threads: number;
  readonly unplannedMemory: boolean;
}

let held: { readonly session: Session; readonly graph: GraphToRun } | undefined;

async function answer(message: GraphToRun | 'run' | 'peak'): Promise<number> {
  if (message === 'peak') return process.resourceUsage().maxRSS / 1e3;
  const start = performance.now();
  if (message === 'run') await held!.session.run(held!.graph.feeds, held!.graph.outputs);
  else {
    const runtime = nodeRuntime({ threads: message.threads });
    const modelBytes = await readFile(message.path);
    held = {
      graph: message,
      session: await runtime.createSession({
        what: message.path,
        modelBytes,
        externalData: new Map(),
        unplannedMemory: message.unplannedMemory,
      }),
    };
  }
  return performance.now() - start;
}

process.on('message', (message) => {
  void answer(message as GraphToRun | 'run' | 'peak').then((result) => process.send!(result));
});
