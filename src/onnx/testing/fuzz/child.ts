/** A process that opens one file or folder after the other, and that its parent may kill. */
import type { FuzzInput } from './caseMaker';
import { type Outcome, openFile } from './openFile';
import { openFolderTexts } from './openFolderTexts';

export interface OpenedFile {
  readonly outcome: Outcome;
  /** Time that the processor spent on it. */
  readonly processorMs: number;
}

process.on('message', async (input: FuzzInput) => {
  const start = process.cpuUsage();
  const outcome = await (input instanceof Uint8Array ? openFile(input) : openFolderTexts(input));
  const { user, system } = process.cpuUsage(start);
  process.send!({ outcome, processorMs: (user + system) / 1000 } satisfies OpenedFile);
});
process.send!('ready');
