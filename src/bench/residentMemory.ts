/** The memory that sessions take, each set of them in a process of its own. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Feeds } from '../runtime/Runtime';

export interface SessionsToHold {
  /** Graph files and what one step of each is fed; none: what the process holds anyway. */
  readonly graphs: readonly { readonly path: string; readonly feeds: Feeds }[];
  /** Location in the graphs and path of every weights file. */
  readonly weights: readonly (readonly [location: string, path: string])[];
  /** The output that a step fetches. */
  readonly output: string;
}

/** Resident set of the process in bytes. */
export interface Resident {
  /** With the sessions created. */
  readonly openedBytes: number;
  /** After one step of each, one after the other: with the memory that the runtime keeps for intermediate values. */
  readonly steppedBytes: number;
}

/** Throws when the process ends without an answer. */
export function residentMemory(sessions: SessionsToHold): Promise<Resident> {
  return new Promise((resolve, reject) => {
    const child = fork(join(import.meta.dirname, 'residentChild.ts'), {
      execArgv: [...process.execArgv, '--expose-gc'],
      serialization: 'advanced',
      // glibc keeps freed blocks below this size, and raises the limit as it goes: the figure is to be what is in use
      env: { ...process.env, MALLOC_MMAP_THRESHOLD_: '65536' },
    });
    child.once('message', (message) => resolve(message as Resident));
    child.once('error', reject);
    child.once('exit', (status) => reject(new Error(`the process that held the sessions ended with ${status}`)));
    child.send(sessions);
  });
}
