/** Opens files in a process of its own, so that one that hangs or takes all memory is told from one that is refused. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FuzzInput } from './caseMaker';
import type { OpenedFile } from './child';
import type { Outcome } from './openFile';

/** Processor time that one file may take: that of the clock depends on what else the machine does. */
const LIMIT_MS = 1000;

/** By the clock; then it hangs. */
const patienceMs = 60_000;

const megabytes = 1024;

export class FileOpener {
  #child: ChildProcess | undefined;

  /** `limitMs`: of processor time for one file. */
  constructor(private readonly limitMs = LIMIT_MS) {}

  /** Tries what was too slow once more, in a process that has compiled its code by now. */
  async open(input: FuzzInput): Promise<OpenedFile> {
    const first = await this.#tryOpen(input);
    const { outcome, processorMs } = first.processorMs > this.limitMs ? await this.#tryOpen(input) : first;
    return {
      outcome: processorMs > this.limitMs ? defect(`It takes ${processorMs.toFixed(0)} ms.`) : outcome,
      processorMs,
    };
  }

  close(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  async #tryOpen(input: FuzzInput): Promise<OpenedFile> {
    const child = (this.#child ??= await start());
    const opened = await new Promise<OpenedFile | string>((resolve) => {
      const finish = (value: OpenedFile | string): void => {
        clearTimeout(timer);
        child.removeAllListeners();
        resolve(value);
      };
      const timer = setTimeout(() => finish(`It is not done after ${patienceMs} ms.`), patienceMs);
      child.once('message', (message) => finish(message as OpenedFile));
      child.once('exit', (code, signal) => finish(`The process ended (${signal ?? code}).`));
      child.send(input);
    });
    if (typeof opened !== 'string') return opened;
    this.close();
    return { outcome: defect(opened), processorMs: 0 };
  }
}

const defect = (text: string): Outcome => ({ kind: 'defect', text });

async function start(): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('./child.ts', import.meta.url)), {
    serialization: 'advanced',
    execArgv: ['--import', 'tsx', `--max-old-space-size=${megabytes}`],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  await once(child, 'message');
  return child;
}
