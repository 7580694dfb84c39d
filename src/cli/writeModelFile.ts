/**
 * A model written to disk, weights streamed range by range, read again and checked before it takes its name. Weights in
 * a second file get a name that is free: the graph's own name, taken last and at once, decides which weights are read,
 * so that nobody ever finds a graph with the weights of another.
 */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StudioError } from '../errors/StudioError';
import { checkModel } from '../onnx/checkModel';
import { externalLocations } from '../onnx/externalLocations';
import type { Model, ValueInfo } from '../onnx/model';
import { packModel } from '../onnx/packModel';
import { readModel } from '../onnx/readModel';
import { openStage, type PendingFile, requireOther } from './fileOutput';
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
  /** Looks at the complete file, which bears another name still; what it throws keeps the file from getting its own. */
  readonly check?: (graphPath: string) => Promise<T>;
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
  const packed = await packModel(
    model,
    sources,
    external ? { kind: 'external', location: await freeDataName(out) } : { kind: 'single' },
  );
  const stage = await openStage(out);
  try {
    const pending: PendingFile[] = [];
    if (packed.dataLocation !== undefined)
      pending.push(await stage.write(packed.dataLocation, signal, (write) => packed.writeData(write, { signal })));
    const graph = await stage.write(basename(out), signal, (write) => write(packed.modelBytes));
    await checkWritten(graph.temporaryPath, model);
    const checked = await check?.(graph.temporaryPath);
    signal.throwIfAborted();
    const replaced = await ownWeightsOf(out, originals);
    await stage.commit([...pending, graph]);
    for (const path of replaced) await rm(path, { force: true });
    return { files: [graph, ...pending].map(({ path, sizeBytes }) => ({ path, bytes: sizeBytes })), checked };
  } catch (thrown) {
    await stage.discard();
    throw thrown;
  }
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

/** Reads the written graph afresh: it must be well formed and have the inputs and outputs it was made with. */
async function checkWritten(path: string, expected: Model): Promise<void> {
  const written = readModel(await readFile(path));
  checkModel(written);
  const signature = ({ graph }: Model) =>
    JSON.stringify(
      [graph.inputs, graph.outputs].map((values) => values.map(({ name, type }: ValueInfo) => ({ name, type }))),
    );
  if (signature(written) !== signature(expected)) {
    throw new StudioError('internal', 'The written file has other inputs or outputs than the model it was made from.');
  }
}
