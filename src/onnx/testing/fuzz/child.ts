/** A process that opens one file after the other, and that its parent may kill. */
import { type Outcome, openFile } from './openFile';

export interface OpenedFile {
  readonly outcome: Outcome;
  /** Time that the processor spent on it. */
  readonly processorMs: number;
}

process.on('message', (bytes: Uint8Array) => {
  const start = process.cpuUsage();
  const outcome = openFile(bytes);
  const { user, system } = process.cpuUsage(start);
  process.send!({ outcome, processorMs: (user + system) / 1000 } satisfies OpenedFile);
});
process.send!('ready');
