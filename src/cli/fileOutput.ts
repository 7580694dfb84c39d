/**
 * Files that appear whole or not at all: written into a folder of their own beside their place, to be moved there once
 * they are complete and found right. What was there stays until then, whatever fails and whichever signal comes. The
 * folder goes when the writing fails or is interrupted; what a killed run left is told and removed by the next one.
 */
import { writeSync } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { StudioError } from '../errors/StudioError';
import { writeError } from '../library/fileErrors';
import { clearLeftovers, linkOrMove, noteObsolete, stageName } from './stages';

const BYTES_BETWEEN_TURNS = 32 * 2 ** 20;

export type Write = (chunk: Uint8Array) => Promise<void>;

/** A complete file that does not have its final name yet. */
export interface PendingFile {
  readonly path: string;
  /** The same name in the stage's folder. */
  readonly temporaryPath: string;
  readonly sizeBytes: number;
  discard(): Promise<void>;
}

/** Files of one folder that are written together. */
export interface Stage {
  readonly folder: string;
  /** Runs `produce` with a writer to a file of this name. Throws the signal's AbortError at the next chunk, and as `writeError`. */
  write(name: string, signal: AbortSignal, produce: (write: Write) => Promise<void>): Promise<PendingFile>;
  /**
   * Gives the files their names in this order: the last one is what people open, and decides. Then removes `obsolete`,
   * paths beside them that only the replaced file read, and the stage.
   */
  commit(files: readonly PendingFile[], obsolete?: readonly string[]): Promise<void>;
  discard(): Promise<void>;
}

/** For files beside `path`. Throws `cli/usage` where `path` cannot be written. */
export async function openStage(path: string): Promise<Stage> {
  await requireFolder(path);
  const parent = dirname(path);
  await clearLeftovers(parent);
  const folder = join(parent, stageName());
  await typed(path, mkdir(folder));
  const discard = () => rm(folder, { recursive: true, force: true });
  return {
    folder,
    discard,
    write: async (name, signal, produce) => {
      const temporaryPath = join(folder, name);
      const sizeBytes = await writeTo(temporaryPath, join(parent, name), signal, produce);
      return { path: join(parent, name), temporaryPath, sizeBytes, discard };
    },
    commit: async (files, obsolete = []) => {
      const placed: string[] = [];
      try {
        await typed(
          path,
          noteObsolete(
            folder,
            obsolete.map((gone) => basename(gone)),
          ),
        );
        for (const [i, { temporaryPath, path: target }] of files.entries()) {
          const last = i === files.length - 1;
          await typed(target, last ? rename(temporaryPath, target) : linkOrMove(temporaryPath, target));
          if (!last) placed.push(target);
        }
      } catch (thrown) {
        for (const target of placed) await rm(target, { force: true }); // under names that were free before
        throw thrown;
      }
      for (const gone of obsolete) await rm(gone, { force: true });
      await discard();
    },
  };
}

/** One file alone, for the caller to look at and to discard. */
export async function writePending(
  path: string,
  signal: AbortSignal,
  produce: (write: Write) => Promise<void>,
): Promise<PendingFile> {
  const stage = await openStage(path);
  try {
    return await stage.write(basename(path), signal, produce);
  } catch (thrown) {
    await stage.discard();
    throw thrown;
  }
}

async function writeTo(
  temporaryPath: string,
  path: string,
  signal: AbortSignal,
  produce: (write: Write) => Promise<void>,
): Promise<number> {
  let sizeBytes = 0;
  const handle = await typed(path, open(temporaryPath, 'w'));
  try {
    let sinceTurn = 0;
    await produce(async (chunk) => {
      signal.throwIfAborted();
      writeAll(handle.fd, chunk, path);
      sizeBytes += chunk.byteLength;
      sinceTurn += chunk.byteLength;
      if (sinceTurn < BYTES_BETWEEN_TURNS) return;
      sinceTurn = 0;
      await setImmediate(); // signals and timers have their turn
    });
    signal.throwIfAborted();
  } finally {
    await typed(path, handle.close());
  }
  return sizeBytes;
}

/** Synchronous, as a switch of threads costs more than handing a chunk to the system. */
function writeAll(file: number, chunk: Uint8Array, path: string): void {
  try {
    for (let written = 0; written < chunk.length; ) written += writeSync(file, chunk, written);
  } catch (thrown) {
    throw writeError(thrown, path);
  }
}

async function typed<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    throw writeError(thrown, path);
  }
}

/** One file, whole, from bytes at hand; replaces what was there. */
export async function writeWhole(path: string, signal: AbortSignal, bytes: Uint8Array): Promise<void> {
  const stage = await openStage(path);
  try {
    await stage.commit([await stage.write(basename(path), signal, (write) => write(bytes))]);
  } catch (thrown) {
    await stage.discard();
    throw thrown;
  }
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
