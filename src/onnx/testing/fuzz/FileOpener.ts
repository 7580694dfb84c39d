/** Opens files in a process of its own, so that one that hangs or takes all memory is told from one that is refused. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './openFile';

/** What one file may take. */
const limitMs = 1000;

/** A busy machine is not a hang: what is too slow is tried once more, alone, with this. */
const secondLimitMs = 4000;

const megabytes = 1024;

export class FileOpener {
  #child: ChildProcess | undefined;

  async open(bytes: Uint8Array): Promise<Outcome> {
    const first = await this.#tryOpen(bytes, limitMs);
    return first ?? (await this.#tryOpen(bytes, secondLimitMs)) ?? { kind: 'defect', text: `It takes longer than ${limitMs} ms.` };
  }

  close(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  /** Undefined: it took too long. */
  async #tryOpen(bytes: Uint8Array, milliseconds: number): Promise<Outcome | undefined> {
    const child = (this.#child ??= await start());
    const outcome = await new Promise<Outcome | undefined>((resolve) => {
      const finish = (value: Outcome | undefined): void => {
        clearTimeout(timer);
        child.removeAllListeners();
        resolve(value);
      };
      const timer = setTimeout(() => finish(undefined), milliseconds);
      child.once('message', (message) => finish(message as Outcome));
      child.once('exit', (code, signal) => finish({ kind: 'defect', text: `The process ended (${signal ?? code}).` }));
      child.send(bytes);
    });
    if (outcome === undefined || child.exitCode !== null || child.signalCode !== null) this.close();
    return outcome;
  }
}

async function start(): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('./child.ts', import.meta.url)), { serialization: 'advanced', execArgv: ['--import', 'tsx', `--max-old-space-size=${megabytes}`], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  await once(child, 'message');
  return child;
}
