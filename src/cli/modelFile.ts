/** A model on disk: its graph in memory, its external weights as byte sources that are read on demand. */
import { basename, dirname } from 'node:path';
import { nodeFolder } from '../library/nodeFolder';
import type { ByteSource } from '../onnx/ByteSource';
import type { Model } from '../onnx/model';
import { readGraph, weightsOf } from '../studio/openGraph';
import { folderOfFile } from './openDenoiser';

/** Throws as `folderOfFile` and `readGraph`. */
export async function readModelFile(path: string): Promise<Model> {
  return readGraph(await folderOfFile(path), basename(path));
}

/** Location -> source for every weights file that the graph names. Throws `onnx/missing-external-data`. */
export async function externalSources(path: string, model: Model): Promise<ReadonlyMap<string, ByteSource>> {
  return weightsOf(await nodeFolder(dirname(path)), basename(path), model);
}
