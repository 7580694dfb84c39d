/**
 * A model that the person gives to measure with: its graph is read and told what it takes before a session is made of it as
 * it is. What it is for is for the callers to know (`clipFeatures`, `frameModels`).
 */
import type { Folder } from '../library/Folder';
import type { Model } from '../onnx/model';
import type { Runtime, Session } from '../runtime/Runtime';
import { readGraph, weightsOf } from './openGraph';

export interface GivenModel<Signature> {
  readonly signature: Signature;
  readonly session: Session;
}

/** `path` in `folder`. Throws what `signatureOf`, reading and sessions throw. */
export async function openGivenModel<Signature>(
  folder: Folder,
  path: string,
  runtime: Runtime,
  signatureOf: (model: Model, path: string) => Signature,
): Promise<GivenModel<Signature>> {
  const model = await readGraph(folder, path);
  const signature = signatureOf(model, path);
  const source = await folder.open(path);
  const session = await runtime.createSession({
    what: path,
    modelBytes: await source.read(0, source.sizeBytes),
    externalData: await weightsOf(folder, path, model),
  });
  return { signature, session };
}
