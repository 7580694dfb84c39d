/** A model on disk: its graph in memory, its external weights as byte sources that are read on demand. */
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { StudioError } from '../errors/StudioError';
import { openExternalData } from '../library/externalData';
import { nodeFolder } from '../library/nodeFolder';
import type { ByteSource } from '../onnx/ByteSource';
import { checkModel } from '../onnx/checkModel';
import { externalLocations } from '../onnx/externalLocations';
import type { Model } from '../onnx/model';
import { readModel } from '../onnx/readModel';

/** Reads and checks the graph; touches no external weights. Throws `library/missing-file` and `onnx/*`. */
export async function readModelFile(path: string): Promise<Model> {
  if (!path.endsWith('.onnx') && (await isFolder(path))) {
    throw new StudioError('cli/usage', `${path} is a folder; give the .onnx file of its denoiser.`);
  }
  const source = await (await nodeFolder(path)).open(basename(path));
  const model = readModel(await source.read(0, source.sizeBytes));
  checkModel(model);
  return model;
}

/** Location -> source for every weights file that the graph names. Throws `onnx/missing-external-data`. */
export async function externalSources(path: string, model: Model): Promise<ReadonlyMap<string, ByteSource>> {
  return openExternalData(await nodeFolder(dirname(path)), basename(path), externalLocations(model));
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
