/**
 * Files that appear whole or not at all: written under a temporary name in the same folder, to be renamed once
 * complete. The temporary file is removed when the writing fails or is interrupted.
 */
import { writeSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { StudioError } from '../errors/StudioError';

const BYTES_BETWEEN_TURNS = 32 * 2 ** 20;

export type Write = (chunk: Uint8Array) => Promise<void>;

/** A complete file that does not have its final name yet; the caller renames or discards it. */
export interface PendingFile {
  readonly path: string;
  readonly temporaryPath: string;
  readonly sizeBytes: number;
  discard(): Promise<void>;
}

/** Runs `produce` with a writer to the temporary file. Throws the signal's AbortError at the next chunk. */
export async function writePending(
  path: string,
  signal: AbortSignal,
  produce: (write: Write) => Promise<void>,
): Promise<PendingFile> {
  await requireFolder(path);
  const temporaryPath = `${path}.partial-${process.pid}`;
  const discard = () => rm(temporaryPath, { force: true });
  let sizeBytes = 0;
  try {
    const handle = await open(temporaryPath, 'w');
    try {
      let sinceTurn = 0;
      await produce(async (chunk) => {
        signal.throwIfAborted();
        writeAll(handle.fd, chunk);
        sizeBytes += chunk.byteLength;
        sinceTurn += chunk.byteLength;
        if (sinceTurn < BYTES_BETWEEN_TURNS) return;
        sinceTurn = 0;
        await setImmediate(); // signals and timers have their turn
      });
      signal.throwIfAborted();
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    await discard();
    throw thrown;
  }
  return { path, temporaryPath, sizeBytes, discard };
}

/** Synchronous, as a switch of threads costs more than handing a chunk to the system. */
function writeAll(file: number, chunk: Uint8Array): void {
  for (let written = 0; written < chunk.length; ) written += writeSync(file, chunk, written);
}

/** One file, whole, from bytes at hand; replaces what was there. */
export async function writeWhole(path: string, signal: AbortSignal, bytes: Uint8Array): Promise<void> {
  const { temporaryPath } = await writePending(path, signal, (write) => write(bytes));
  await rename(temporaryPath, path);
}

/** Throws `cli/usage` where `path` is one of the files that are read from: they would be lost. */
export async function requireOther(path: string, originals: readonly string[]): Promise<void> {
  const target = await stat(path).catch(() => undefined);
  if (!target) return;
  for (const original of originals) {
    const { dev, ino } = await stat(original);
    if (dev === target.dev && ino === target.ino)
      throw new StudioError('cli/usage', `${path} is the model that is read; give another name.`);
  }
}

/** Before long work: throws `cli/usage` where `path` cannot be written. */
export async function requireFolder(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) throw new StudioError('cli/usage', `There is no folder ${folder} to write to.`);
  const target = await stat(path).catch(() => undefined);
  if (target?.isDirectory()) throw new StudioError('cli/usage', `${path} is a folder; give a file name.`);
}
