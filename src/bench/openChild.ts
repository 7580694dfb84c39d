/** A process that opens one model as the command line does and says what that took: forked by `openedModel`, with nothing else in the figures. */
import { openDenoiser } from '../cli/openDenoiser';
import type { OpenedModel } from './openedModel';

async function open(path: string): Promise<OpenedModel> {
  const start = performance.now();
  const cpu = process.cpuUsage();
  const { tree } = await openDenoiser(path, {});
  const [ms, cpuMs] = [performance.now() - start, process.cpuUsage(cpu).user / 1e3];
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { ms, cpuMs, heapBytes: heapUsed, bufferBytes: arrayBuffers, blocks: tree.blocks.length };
}

process.once('message', (path) => {
  void open(path as string).then((result) => process.send!(result, () => process.disconnect()));
});
