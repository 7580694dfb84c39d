/** A graph and its weights in the form in which a runtime takes them without holding them twice. */
import { blobSource } from '../../onnx/blobSource';
import type { ByteSource } from '../../onnx/ByteSource';
import { tensorByteLength } from '../../onnx/dataTypes';
import type { Model } from '../../onnx/model';
import { packModel } from '../../onnx/packModel';
import { allTensors } from '../../onnx/tensors';
import { writeModel } from '../../onnx/writeModel';
import type { SessionModel } from '../runtime/Runtime';

/** Inline weights beyond this go to the runtime as a file: parsed inside the graph they need several times their size. */
const MOST_INLINE_BYTES = 64 * 2 ** 20;
const LOCATION = 'moved-weights';

export async function sessionModel(what: string, model: Model, sources: ReadonlyMap<string, ByteSource>): Promise<SessionModel> {
  if (inlineBytes(model) <= MOST_INLINE_BYTES) return { what, modelBytes: writeModel(model), externalData: usedSources(model, sources) };
  const packed = await packModel(model, sources, { kind: 'external', location: LOCATION });
  const chunks: BlobPart[] = [];
  await packed.writeData(async (chunk) => void chunks.push(new Blob([chunk as Uint8Array<ArrayBuffer>])));
  return { what, modelBytes: packed.modelBytes, externalData: new Map([[LOCATION, blobSource(new Blob(chunks))]]) };
}

/** Bytes of all weights, wherever they are. */
export function weightBytes(model: Model): number {
  let sum = 0;
  for (const tensor of allTensors(model)) sum += tensorByteLength(tensor);
  return sum;
}

function inlineBytes(model: Model): number {
  let sum = 0;
  for (const { data } of allTensors(model)) if (data.kind === 'inline') sum += data.bytes.length;
  return sum;
}

function usedSources(model: Model, sources: ReadonlyMap<string, ByteSource>): ReadonlyMap<string, ByteSource> {
  const used = new Set<string>();
  for (const { data } of allTensors(model)) if (data.kind === 'external') used.add(data.location);
  return new Map([...sources].filter(([location]) => used.has(location)));
}
