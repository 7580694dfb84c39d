/** Processes that do one thing each time they are asked and say a number: ours by messages, Python's by lines. */
import { fork, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { GraphToRun } from './trainingChild';

export interface AskedProcess {
  /** Milliseconds or megabytes, as what is asked for gives. */
  ask(what: string): Promise<number>;
  stop(): void;
}

/** Resolves once the session is there; `createdMs` is what that took. */
export async function graphProcess(graph: GraphToRun): Promise<AskedProcess & { readonly createdMs: number }> {
  const child = fork(join(import.meta.dirname, 'trainingChild.ts'), { serialization: 'advanced' });
  const send = (message: GraphToRun | string): Promise<number> =>
    new Promise((resolve, reject) => {
      const ended = (status: number | null) =>
        reject(new Error(`the process that held the graph ended with ${status}`));
      child.once('exit', ended);
      child.once('message', (answer) => {
        child.off('exit', ended);
        resolve(answer as number);
      });
      child.send(message);
    });
  const createdMs = await send(graph);
  return { createdMs, ask: send, stop: () => child.disconnect() };
}

/** undefined where the script ends before it is ready: a package that it needs is missing. */
export async function pythonProcess(
  python: string,
  script: string,
  args: readonly string[],
): Promise<AskedProcess | undefined> {
  const child = spawn(python, [script, ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  if ((await lines.next()).value !== 'ready') return undefined;
  return {
    async ask(what) {
      child.stdin.write(`${what}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${script} ended while it was asked for ${what}`);
      return Number(value);
    },
    stop: () => child.stdin.end(),
  };
}
