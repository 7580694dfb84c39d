/** The file of each run: a source, damaged. The seed and the run's number decide everything. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listExports, readExportedModel } from '../../../../fixtures/exports/readExport';
import { readModel } from '../../readModel';
import { oddModels } from '../../wire/testing/malformedModels';
import { writeModel } from '../../writeModel';
import { type FolderTexts, folderCase } from './folderCases';
import { mutateBytes } from './mutateBytes';
import { mutateGraph } from './mutateGraph';
import { mutateMessages } from './mutateMessage';
import { type Random, seededRandom } from './random';
import { randomModel } from './randomModel';

/** A model's file, or the texts of a pipeline's folder. */
export type FuzzInput = Uint8Array | FolderTexts;

export interface FuzzCase {
  /** What was done, and to which source. */
  readonly label: string;
  readonly input: FuzzInput;
}

interface Source {
  readonly name: string;
  read(random: Random): Uint8Array;
}

/** Larger exports say nothing new, and take longer. */
const largestFileBytes = 150_000;

const exportsRoot = fileURLToPath(new URL('../../../../fixtures/exports', import.meta.url));

/** Unpacked when first asked for. */
function exportSources(): readonly Source[] {
  return listExports(exportsRoot)
    .filter(isSmall)
    .map((path) => {
      let bytes: Uint8Array | undefined;
      return { name: path, read: () => (bytes ??= readExportedModel(exportsRoot, path)) };
    });
}

function isSmall(path: string): boolean {
  const folder = join(exportsRoot, path);
  return readdirSync(folder).some(
    (name) => name.startsWith('model.onnx') && statSync(join(folder, name)).size <= largestFileBytes,
  );
}

const oddSources: readonly Source[] = oddModels
  .filter(({ bytes }) => bytes.length > 8)
  .map(({ name, bytes }) => ({ name, read: () => bytes }));

const randomSource: Source = { name: 'random operators', read: (random) => writeModel(randomModel(random)) };

/** Part of the runs that open a pipeline's folder. */
const folderShare = 0.15;

/** `exportShare`: part of the cases that are damaged exports; the rest is small. */
export function caseMaker(seed: number, exportShare: number): (run: number) => FuzzCase {
  const exports = exportSources();
  return (run) => {
    const random = seededRandom(seed * 1_000_003 + run);
    if (random.chance(folderShare)) {
      const { label, folder } = folderCase(random);
      return { label, input: folder };
    }
    const source = random.chance(exportShare)
      ? random.pick(exports)
      : random.chance(0.5)
        ? randomSource
        : random.pick(oddSources);
    const bytes = source.read(random);
    if (source === randomSource && random.chance(0.3)) return { label: source.name, input: bytes };
    const kind = random.index(4);
    const graph = kind < 2 ? graphOf(bytes, random) : undefined;
    if (graph) return { label: `graph of ${source.name}`, input: graph };
    const fields = kind < 3 ? mutateMessages(bytes, random) : undefined;
    return fields
      ? { label: `fields of ${source.name}`, input: fields }
      : { label: `bytes of ${source.name}`, input: mutateBytes(bytes, random) };
  };
}

/** Undefined for what is no model, or was made one that no file can hold. */
function graphOf(bytes: Uint8Array, random: Random): Uint8Array | undefined {
  try {
    const model = readModel(bytes);
    return model.graph.nodes.length === 0 ? undefined : writeModel(mutateGraph(model, random));
  } catch {
    return undefined; // another kind of damage then
  }
}
