/**
 * A model into a file on disk: where it may go, and what becomes of what was there. Weights in a second file get a name
 * that is free: the graph's own name, taken last and at once, decides which weights are read, so that nobody ever finds
 * a graph with the weights of another. Writing and checking are `studio/saveModel`.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StudioError } from '../errors/StudioError';
import { fileSource } from '../library/nodeFolder';
import { externalLocations } from '../onnx/externalLocations';
import type { Model } from '../onnx/model';
import { readModel } from '../onnx/readModel';
import type { SessionModel } from '../runtime/Runtime';
import { type ModelSink, saveModel } from '../studio/saveModel';
import { openStage, type PendingFile, requireOther, type Stage, type Write } from './fileOutput';
import { externalSources } from './modelFile';

export interface WrittenFile {
  readonly path: string;
  readonly bytes: number;
}

export interface WriteModelOptions<T> {
  /** The file that `model` came from: its external weights are beside it. */
  readonly from: string;
  readonly out: string;
  /** Weights into a second file beside it, instead of into the graph file. */
  readonly external: boolean;
  readonly signal: AbortSignal;
  /** Looks at the complete files, which bear another name still; what it throws keeps them from getting their own. */
  readonly check?: (file: SessionModel) => Promise<T>;
}

export interface WrittenModel<T> {
  /** The graph file first. */
  readonly files: readonly WrittenFile[];
  readonly checked: T | undefined;
}

/** Throws `cli/usage` where it would replace what it reads from. When anything fails, what was there is untouched and nothing else is. */
export async function writeModelFile<T = undefined>(
  model: Model,
  { from, out, external, signal, check }: WriteModelOptions<T>,
): Promise<WrittenModel<T>> {
  const sources = await externalSources(from, model);
  const originals = [from, ...[...sources.values()].flatMap(({ filePath }) => filePath ?? [])];
  await requireOther(out, originals);
  if (external) await requireOther(`${out}.data`, originals);
  const stage = await openStage(out);
  try {
    return await saveModel(model, sources, diskSink(stage, out, originals, signal), {
      layout: external ? { kind: 'external', location: await freeDataName(out) } : { kind: 'single' },
      what: out,
      signal,
      check,
    });
  } catch (thrown) {
    await stage.discard();
    throw thrown;
  }
}

/** Into the stage; what is replaced loses its own weights with it. */
function diskSink(
  stage: Stage,
  out: string,
  originals: readonly string[],
  signal: AbortSignal,
): ModelSink<WrittenFile> {
  const pending: PendingFile[] = [];
  const put = async (name: string, produce: (write: Write) => Promise<void>) => {
    const file = await stage.write(name, signal, produce);
    pending.push(file);
    return fileSource(file.temporaryPath);
  };
  return {
    putWeights: ({ name, write }) => put(name, write),
    async putGraph(bytes) {
      const graph = await put(basename(out), (write) => write(bytes));
      return graph.read(0, graph.sizeBytes);
    },
    async commit() {
      const replaced = await ownWeightsOf(out, originals);
      await stage.commit(pending, replaced);
      return pending.toReversed().map(({ path, sizeBytes }) => ({ path, bytes: sizeBytes }));
    },
  };
}

/** FILE.data, or FILE.2.data and so on where that is taken. */
async function freeDataName(out: string): Promise<string> {
  for (let count = 1; ; count++) {
    const name = `${basename(out)}${count === 1 ? '' : `.${count}`}.data`;
    if (!(await stat(join(dirname(out), name)).catch(() => undefined))) return name;
  }
}

/** The weights files of the model that is replaced, where this command has named them and nothing else reads them. */
async function ownWeightsOf(out: string, originals: readonly string[]): Promise<readonly string[]> {
  const isOwn = (name: string) =>
    name.startsWith(basename(out)) && /^(\.\d+)?\.data$/.test(name.slice(basename(out).length));
  const named = (await readdir(dirname(out))).filter(isOwn);
  if (named.length === 0 || !(await stat(out).catch(() => undefined))) return [];
  const read = new Set<string>();
  for (const original of originals) {
    const { dev, ino } = await stat(original);
    read.add(`${dev}:${ino}`);
  }
  const paths: string[] = [];
  for (const location of await locationsOf(out)) {
    const path = join(dirname(out), location);
    if (!named.includes(location)) continue;
    const { dev, ino } = await stat(path);
    if (!read.has(`${dev}:${ino}`)) paths.push(path);
  }
  return paths;
}

/** None for a file that is no model: whatever it is, no weights are its own. */
async function locationsOf(path: string): Promise<readonly string[]> {
  try {
    return externalLocations(readModel(await readFile(path)));
  } catch (thrown) {
    if (thrown instanceof StudioError) return [];
    throw thrown;
  }
}
