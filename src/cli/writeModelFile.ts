/** A model written to disk, weights streamed range by range, read again and checked before it takes its name. */
import { readFile, rename } from 'node:fs/promises';
import { basename } from 'node:path';
import { StudioError } from '../errors/StudioError';
import { checkModel } from '../onnx/checkModel';
import type { Model, ValueInfo } from '../onnx/model';
import { packModel } from '../onnx/packModel';
import { readModel } from '../onnx/readModel';
import { type PendingFile, requireOther, writePending } from './fileOutput';
import { externalSources } from './modelFile';

export interface WrittenFile {
  readonly path: string;
  readonly bytes: number;
}

export interface WriteModelOptions {
  /** The file that `model` came from: its external weights are beside it. */
  readonly from: string;
  readonly out: string;
  /** Weights into `out`.data instead of into the graph file. */
  readonly external: boolean;
  readonly signal: AbortSignal;
}

/** Returns the graph file first. Throws `cli/usage` where it would replace what it reads from. When anything fails, neither file is there and what was there is untouched. */
export async function writeModelFile(
  model: Model,
  { from, out, external, signal }: WriteModelOptions,
): Promise<readonly WrittenFile[]> {
  const sources = await externalSources(from, model);
  const dataPath = `${out}.data`;
  const originals = [from, ...[...sources.values()].flatMap(({ filePath }) => filePath ?? [])];
  await requireOther(out, originals);
  if (external) await requireOther(dataPath, originals);
  const packed = await packModel(
    model,
    sources,
    external ? { kind: 'external', location: basename(dataPath) } : { kind: 'single' },
  );
  const pending: PendingFile[] = [];
  try {
    if (packed.dataLocation !== undefined)
      pending.push(await writePending(dataPath, signal, (write) => packed.writeData(write, { signal })));
    pending.unshift(await writePending(out, signal, (write) => write(packed.modelBytes)));
    await checkWritten(pending[0]!.temporaryPath, model);
    // weights first: a graph under its final name always finds them
    for (const file of [...pending].reverse()) await rename(file.temporaryPath, file.path);
  } catch (thrown) {
    await Promise.all(pending.map((file) => file.discard()));
    throw thrown;
  }
  return pending.map(({ path, sizeBytes }) => ({ path, bytes: sizeBytes }));
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
