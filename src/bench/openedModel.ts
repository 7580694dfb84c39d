/** What opening a model and finding its blocks takes, in a process of its own: time, and the most heap on the way. */
import { fork } from 'node:child_process';
import { join } from 'node:path';

export interface OpenedModel {
  /** From the path to the blocks; starting Node and loading the code not counted. */
  readonly ms: number;
  /** The same as the process's own processor time, which other work on the machine does not stretch. */
  readonly cpuMs: number;
  /** The most that objects took. */
  readonly heapBytes: number;
  /** Array buffers when it was done: the graph file. */
  readonly bufferBytes: number;
  readonly blocks: number;
}

/** Throws when the process ends without an answer. */
export function openedModel(path: string): Promise<OpenedModel> {
  return new Promise((resolve, reject) => {
    const child = fork(join(import.meta.dirname, 'openChild.ts'), {
      execArgv: [...process.execArgv, '--trace-gc'],
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    let trace = '';
    let opened: OpenedModel | undefined;
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (trace += text));
    child.once('message', (message) => (opened = message as OpenedModel));
    child.once('error', reject);
    child.once('close', (status) => {
      if (opened) resolve({ ...opened, heapBytes: Math.max(opened.heapBytes, ...heapsBeforeCollections(trace)) });
      else reject(new Error(`the process that opened ${path} ended with ${status}`));
    });
    child.send(path);
  });
}

/** Between collections the heap only grows, so its peaks are what V8 reports before each: 'Scavenge 22.5 (45.1) -> 20.1 (50.0) MB'. */
function heapsBeforeCollections(trace: string): readonly number[] {
  return [...trace.matchAll(/(?:Scavenge|Mark-Compact|Mark-sweep)[^\d]*?([\d.]+) \([\d.]+\) -> /g)].map(
    ([, megabytes]) => Number(megabytes) * 2 ** 20,
  );
}
