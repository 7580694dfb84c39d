/**
 * A process that holds sessions of graph files and says what is resident: forked by `residentMemory`, on its own so
 * that nothing else is in the figure. Needs --expose-gc.
 */
import { readFile } from 'node:fs/promises';
import { fileSource } from '../library/nodeFolder';
import { nodeRuntime } from '../runtime/nodeRuntime';
import type { Session } from '../runtime/Runtime';
import type { Resident, SessionsToHold } from './residentMemory';

async function hold({ graphs, weights, output }: SessionsToHold): Promise<Resident> {
  const runtime = nodeRuntime();
  const sources = new Map(
    await Promise.all(weights.map(async ([location, path]) => [location, await fileSource(path)] as const)),
  );
  const sessions: Session[] = [];
  for (const { path } of graphs) {
    sessions.push(await runtime.createSession({ what: path, modelBytes: await readFile(path), externalData: sources }));
  }
  const openedBytes = await resident();
  for (const [i, session] of sessions.entries()) await session.run(graphs[i]!.feeds, [output]);
  return { openedBytes, steppedBytes: await resident() };
}

/** Bytes of the resident set, JavaScript's garbage collected. */
async function resident(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    gc!();
    await new Promise((done) => setTimeout(done, 50));
  }
  return process.memoryUsage().rss;
}

process.once('message', (message) => {
  void hold(message as SessionsToHold).then((result) => process.send!(result, () => process.disconnect()));
});
