/** Models on disk for the tests: the bundled pipeline, and the committed exports unpacked into a temporary folder. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readExportedModel } from '../../../fixtures/exports/readExport';

export const exportsRoot = resolve(import.meta.dirname, '../../../fixtures/exports');

/** The pipeline folder that the studio ships. */
export const bundledPipeline = resolve(import.meta.dirname, '../../../public/models/emoji-t2v');

export const temporaryFolder = () => mkdtemp(join(tmpdir(), 'vdmini-cli-'));

/** Writes the export (`svd/legacy/fixed`) as `folder`/model.onnx and returns that path. */
export async function unpackExport(path: string, folder: string): Promise<string> {
  const target = join(folder, 'model.onnx');
  await writeFile(target, readExportedModel(exportsRoot, path));
  return target;
}
